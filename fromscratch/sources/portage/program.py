"""The Portage of a machine: from Python's package index, or that of a distribution."""

import json
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import CommandFailed, MissingTool
from fromscratch.host.process import run

_WHY = "portage:"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
# What Portage itself runs beside the tools of the packages: without scanelf it neither strips nor sees what links.
TOOLS = {
    "bash": "bash",
    "gcc": "gcc",
    "make": "make",
    "tar": "tar",
    "patch": "patch",
    "zstd": "zstd",
    "scanelf": "pax-utils",
}
QUESTION = """\
import json, os, sys
import portage
from portage import const
print(json.dumps({
    "python": sys.executable,
    "version": portage.VERSION,
    "scripts": os.path.realpath(const.PORTAGE_BIN_PATH),
    "below": const.GLOBAL_CONFIG_PATH.strip("/"),
    "settings": os.path.join(const.EPREFIX or "/", const.GLOBAL_CONFIG_PATH.strip("/")),
    "folders": sorted({sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(portage.__file__))}),
}))
"""


class Portage(Struct, frozen=True, kw_only=True):
    """`python` runs the programs in the folder `scripts`; `folders` is where all that is.

    `settings` is the folder of its own defaults, which it looks for `below` the prefix that it runs in.
    """

    python: str
    version: str
    scripts: str
    below: str
    settings: str
    folders: tuple[str, ...]

    @property
    def visible(self) -> list[Path]:
        """What has to be readable where it runs."""
        return [Path(each) for each in (*self.folders, self.settings, self.scripts)]

    def argv(self, program: str, *words: str) -> list[str]:
        """The call of one of its programs, such as emerge."""
        return [self.python, str(Path(self.scripts) / program), *words]


@cache
def find() -> Portage:
    """Raises MissingTool, also for a program that it cannot do without."""
    python = _python()
    for program, package in TOOLS.items():
        run.need(program, _WHY, f"install it, on Debian for example with: apt-get install {package}")
    try:
        return replace(asked([python, "-c", QUESTION]), python=python)
    except CommandFailed as error:
        raise MissingTool(f"portage: {python} cannot load Portage: {error}", "install it anew") from error


def asked(question: Sequence[str]) -> Portage:
    """What the Portage of an interpreter says of itself; the call asks it QUESTION. Raises CommandFailed."""
    answer = run.run(list(question)).stdout
    try:
        found = json.loads(answer.splitlines()[-1])
        return Portage(folders=tuple(found.pop("folders")), **found)
    except (ValueError, IndexError, TypeError) as error:
        raise CommandFailed(f"its answer cannot be read: {error}", "install Portage anew") from error


def _python() -> str:
    """The interpreter that can load Portage: ours, or that of the emerge of this machine."""
    if find_spec("portage") is not None:
        return sys.executable
    emerge = run.need("emerge", _WHY, "pip install portage, beside fromscratch; or, on Gentoo, use Gentoo's own")
    with open(emerge, "rb") as stream:
        first = stream.readline(4096).decode("utf-8", "replace").strip()
    words = first.removeprefix("#!").split()
    if not first.startswith("#!") or not words:
        raise MissingTool(f"portage: {emerge} is not a script", "install Portage anew")
    return run.find(words[-1]) or words[-1] if words[0].endswith("/env") else words[0]

"""A sandbox around programs that build software: no privileges, no network, one folder to write in.

Inside, the user is 1000, whoever calls, the folder is at a fixed path, /tmp and the homes are empty, and nothing else
can be written; so what is built does not depend on who builds it where.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from fromscratch.host.process import run

_PACKAGE = Path(__file__).parents[3]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.sandboxed import main; main()"
)
# Where the folder is seen: the usual places of temporary files and mounts, which every system has.
_PLACES = ("/var/tmp", "/mnt", "/media", "/srv")


class Sandbox(Struct, frozen=True, kw_only=True):
    """`folder` is the one that can be written, `visible` are paths that must be readable inside as outside.

    `files` are put over files of the system: paths there, and paths in the folder. `system` is a folder with another
    root, whose programs are run and which alone can be seen; it has folders dev, proc and those above all `files`.
    """

    folder: Path
    visible: Sequence[Path] = ()
    files: Mapping[str, str] = {}
    network: bool = False
    system: Path | None = None

    @property
    def place(self) -> str:
        """Where the folder is inside."""
        needed = [path.resolve() for path in self.visible]
        for text in _PLACES:
            place = Path(text)
            is_there = (self.system or Path("/")).joinpath(text[1:]).is_dir()
            if is_there and not any(path.is_relative_to(place) for path in needed):
                return text
        return str(self.folder)  # where this machine has it; another system has one of those

    def argv(self, words: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        """The command that runs these words inside, as `host.process.run` takes it."""
        spec = {
            "words": list(words),
            "folder": str(self.folder),
            "place": self.place,
            "files": dict(self.files),
            "visible": [str(path) for path in self.visible],
            "environment": dict(environment),
            "network": self.network,
            "system": str(self.system) if self.system else "",
        }
        return [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE), json.dumps(spec)]


@cache
def hindrance(folder: Path) -> str:
    """Why this user can make no sandbox here; empty if they can."""
    done = run.run(Sandbox(folder=folder).argv(["true"], run.environment()), check=False)
    return done.stderr.decode("utf-8", "replace").strip() if done.returncode else ""

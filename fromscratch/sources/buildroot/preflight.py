"""What Buildroot needs of this machine, looked for before the first minute is spent."""

import re
from pathlib import Path

from fromscratch.errors import MissingTool, UsageError
from fromscratch.host.process import run

# The commands that Buildroot's own check asks for, and the Debian package of each.
_NEEDED = {
    "which": "debianutils",
    "sed": "sed",
    "make": "make",
    "gcc": "gcc",
    "g++": "g++",
    "patch": "patch",
    "perl": "perl",
    "tar": "tar",
    "wget": "wget",
    "cpio": "cpio",
    "unzip": "unzip",
    "rsync": "rsync",
    "bc": "bc",
    "cmp": "diffutils",
    "find": "findutils",
    "xargs": "findutils",
    "awk": "mawk",
    "bash": "bash",
    "gzip": "gzip",
    "bzip2": "bzip2",
    "xz": "xz-utils",
}
_FILE = Path("/usr/bin/file")  # Buildroot asks for this very path, since libtool does


def check(output: Path) -> None:
    """Raise MissingTool naming everything that is missing, or UsageError for a folder it cannot build in."""
    missing = {name: package for name, package in _NEEDED.items() if run.find(name) is None}
    if not _FILE.exists():
        missing[str(_FILE)] = "file"
    if missing:
        raise MissingTool(
            f"Buildroot needs {', '.join(missing)}, which are not on this machine",
            f"on Debian or Ubuntu: apt-get install {' '.join(sorted(set(missing.values())))}",
        )
    if found := re.search(r"[@\s:]", str(output)):
        raise UsageError(
            f"Buildroot cannot build in {output}, whose path holds {found[0]!r}",
            "move the store to a folder with a plain name",
        )

"""The records of Portage: a folder for each package in /var/db/pkg/CATEGORY/, with a file CONTENTS.

Its lines are `dir PATH`, `obj PATH MD5 MTIME` and `sym PATH -> TARGET MTIME`; a path may have blanks.
"""

from collections.abc import Callable

from fromscratch.formats.installed import Package
from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import decode, encode

# Package Manager Specification 3.1 and 3.2: a name, a hyphen, and a version that begins with a digit.
_NAME_VERSION = lazy_regex(r"([A-Za-z0-9+_][A-Za-z0-9+_-]*?)-([0-9][^-/]*(?:-r[0-9]+)?)")


def package(category: str, folder: str, architecture: str = "") -> Package | None:
    """The package that a folder of that name records, such as `app-shells` and `bash-5.2_p37-r1`."""
    found = _NAME_VERSION.fullmatch(folder)
    return Package("portage", f"{category}/{found[1]}", found[2], architecture) if found else None


def contents(raw: bytes) -> tuple[str, ...]:
    """The paths of a CONTENTS, folders too."""
    return tuple(path for path in map(_path, decode(raw).split("\n")) if path)


def cut(raw: bytes, remains: Callable[[str], bool]) -> bytes:
    """The lines of the paths for which `remains` is true."""
    lines = [line for line in decode(raw).split("\n") if _path(line) and remains(_path(line))]
    return encode("".join(f"{line}\n" for line in lines))


def _path(line: str) -> str:
    kind, _, rest = line.partition(" ")
    if kind == "obj":
        rest = " ".join(rest.split(" ")[:-2])
    elif kind == "sym":
        rest = rest.partition(" -> ")[0]
    return rest if kind in ("obj", "sym", "dir", "dev", "fif") and rest.startswith("/") else ""

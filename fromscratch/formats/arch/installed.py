"""The records of pacman: a folder NAME-VERSION for each package in /var/lib/pacman/local.

Its files desc and files have fields: a line %NAME%, the values, a line each, and an empty line.
"""

from collections.abc import Callable

from fromscratch.formats.installed import Package
from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import decode, encode

_HEADING = lazy_regex(r"%[A-Z0-9]+%")


def package(desc: bytes) -> Package | None:
    """The package that a file desc describes."""
    fields = _fields(desc)
    name, version, architecture = (fields.get(key, [""])[:1] for key in ("NAME", "VERSION", "ARCH"))
    if not name or not name[0] or not version or not version[0]:
        return None
    return Package("pacman", name[0], version[0], architecture[0] if architecture else "")


def contents(files: bytes) -> tuple[str, ...]:
    """The paths of a file files, folders too."""
    return tuple(f"/{path.rstrip('/')}" for path in _fields(files).get("FILES", []))


def cut(files: bytes, remains: Callable[[str], bool]) -> bytes:
    """The file with the paths for which `remains` is true; what else it says stays."""
    made, field = [], ""
    for line in decode(files).split("\n"):
        if _HEADING.fullmatch(line) or not line:
            field = line
        if field != "%FILES%" or line == field or remains(f"/{line.rstrip('/')}"):
            made.append(line)
    return encode("\n".join(made))


def _fields(raw: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for line in decode(raw).split("\n"):
        if _HEADING.fullmatch(line):
            values = found.setdefault(line[1:-1], [])
        elif line:
            values.append(line)
        else:
            values = []
    return found

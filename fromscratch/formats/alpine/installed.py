"""The database of apk: /lib/apk/db/installed, paragraphs of lines `LETTER:VALUE`.

P is the name of a package, V its version, A its architecture; F is a folder, and each R behind it a file in it. What
follows a folder (M) or a file (a, Z) is its metadata.
"""

from collections.abc import Callable, Iterator, Set
from itertools import takewhile

from fromscratch.formats.installed import Installed, Package
from fromscratch.paths import decode, encode

_OF_FOLDERS, _OF_FILES = ("M",), ("a", "Z")


def installed(raw: bytes) -> Iterator[Installed]:
    """Every package of the database. A paragraph without a name or version is passed over."""
    for paragraph in decode(raw).split("\n\n"):
        package = _package(paragraph)
        if package is not None:
            yield Installed(package, tuple(path for _, path in _lines(paragraph) if path))


def controls(raw: bytes) -> Iterator[tuple[Package, bytes]]:
    """Every package with the lines that say what it is, needs and provides: those before its folders and files."""
    for paragraph in decode(raw).split("\n\n"):
        package = _package(paragraph)
        if package is not None:
            lines = paragraph.strip("\n").split("\n")
            yield package, encode("\n".join(takewhile(lambda line: line[:2] != "F:", lines)))


def cut(raw: bytes, packages: Set[Package], remains: Callable[[str], bool]) -> bytes:
    """The database of these packages alone, with the files for which `remains` is true."""
    paragraphs = [paragraph for paragraph in decode(raw).split("\n\n") if _package(paragraph) in packages]
    return encode("".join(f"{_cut(paragraph, remains)}\n\n" for paragraph in paragraphs))


def _cut(paragraph: str, remains: Callable[[str], bool]) -> str:
    lines: list[str] = []
    folder = file = True  # whether the last one of each remains
    for line, path in _lines(paragraph):
        key = line[:1]
        if key == "F":
            folder = not path or remains(path)
        elif key == "R":
            file = bool(path) and remains(path)
        is_dropped = (key in ("F", *_OF_FOLDERS) and not folder) or (key in ("R", *_OF_FILES) and not file)
        if not is_dropped:
            lines.append(line)
    return "\n".join(lines)


def _package(paragraph: str) -> Package | None:
    fields = {line[:1]: line[2:] for line in paragraph.split("\n") if line[:2] in ("P:", "V:", "A:")}
    if not fields.get("P") or not fields.get("V"):
        return None
    return Package("apk", fields["P"], fields["V"], fields.get("A", ""))


def _lines(paragraph: str) -> Iterator[tuple[str, str]]:
    """Each line, with the path that it has, if any. The folder of the root itself has none."""
    folder = ""
    for line in paragraph.strip("\n").split("\n"):
        path = ""
        if line[:2] == "F:":
            folder = f"/{line[2:]}" if line[2:] else ""
            path = folder
        elif line[:2] == "R:" and line[2:]:
            path = f"{folder}/{line[2:]}"
        yield line, path

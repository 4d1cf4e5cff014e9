"""The database of dpkg: `status` or `status.d/*`, and the lists of files in `info/`: dpkg(1), "FILES".

Images without dpkg have their records in `status.d`: one file a package, perhaps with its checksums beside it.
"""

from collections.abc import Callable, Iterator, Set

from msgspec import Struct

from fromscratch.formats.installed import Package
from fromscratch.paths import decode, encode

_GONE = ("config-files", "not-installed")
_FIELDS = ("Package", "Version", "Architecture", "Status", "Multi-Arch")


class Record(Struct, frozen=True):
    """A paragraph of a status file; `is_multiarch` says that its lists may have its architecture in their names."""

    package: Package
    text: bytes
    is_multiarch: bool = False

    @property
    def info_names(self) -> tuple[str, ...]:
        """What its files in `info/` are called, less their endings; the first that is there counts."""
        name, qualified = self.package.name, f"{self.package.name}:{self.package.architecture}"
        return (qualified, name) if self.is_multiarch else (name, qualified)


def records(status: bytes) -> Iterator[Record]:
    """The installed packages of a status file. A paragraph without a name or version is passed over."""
    for text in _paragraphs(status):
        fields = _fields(text)
        name, version = fields.get("Package", ""), fields.get("Version", "")
        # A record in status.d has no Status: what is there is installed.
        is_installed = fields.get("Status", "").rpartition(" ")[2] not in _GONE
        if _is_name(name) and version and is_installed:
            package = Package("dpkg", name, version, fields.get("Architecture", ""))
            yield Record(package, text, fields.get("Multi-Arch") == "same")


def cut_status(status: bytes, packages: Set[Package]) -> bytes:
    """The same file with the paragraphs of these packages alone."""
    return b"".join(record.text + b"\n\n" for record in records(status) if record.package in packages)


def file_list(raw: bytes) -> tuple[str, ...]:
    """The paths in `info/NAME.list`, folders too."""
    return tuple(line for line in decode(raw).split("\n") if line.startswith("/") and line != "/.")


def summed_files(raw: bytes) -> tuple[str, ...]:
    """The paths in `info/NAME.md5sums`: the regular files of a package, without those of its configuration."""
    return tuple(f"/{path}" for path in map(_summed, decode(raw).split("\n")) if path)


def cut_list(raw: bytes, remains: Callable[[str], bool]) -> bytes:
    """The list with the paths for which `remains` is true."""
    lines = decode(raw).split("\n")
    return _joined(line for line in lines if line == "/." or (line.startswith("/") and remains(line)))


def cut_sums(raw: bytes, remains: Callable[[str], bool]) -> bytes:
    """The checksums of the files for which `remains` is true."""
    return _joined(line for line in decode(raw).split("\n") if _summed(line) and remains(f"/{_summed(line)}"))


def diversions(raw: bytes) -> dict[str, tuple[str, str]]:
    """`diversions`: from the path that was diverted to where the others' file is, and the package that diverted it."""
    lines = decode(raw).split("\n")
    return {path: (place, package) for path, place, package in zip(lines[0::3], lines[1::3], lines[2::3], strict=False)}


def _paragraphs(status: bytes) -> Iterator[bytes]:
    for paragraph in status.replace(b"\r\n", b"\n").split(b"\n\n"):
        if paragraph.strip(b"\n"):
            yield paragraph.strip(b"\n")


def _fields(paragraph: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in decode(paragraph).split("\n"):
        name, colon, value = line.partition(":")
        if colon and name in _FIELDS:
            found.setdefault(name, value.strip())
    return found


def _is_name(text: str) -> bool:
    """Whether it is a plain component, since files are looked up by it."""
    return text not in ("", ".", "..") and "/" not in text and "\0" not in text


def _summed(line: str) -> str:
    """The path, without a slash, of `DIGEST  PATH`."""
    return line.partition("  ")[2].removeprefix("./")


def _joined(lines: Iterator[str]) -> bytes:
    return encode("".join(f"{line}\n" for line in lines))

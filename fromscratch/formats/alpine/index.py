"""The index of an Alpine repository: paragraphs of lines `LETTER:VALUE` in the file APKINDEX of APKINDEX.tar.gz.

See apk-index and apk-package(5). The letters: C checksum, P name, V version, A architecture, S size, I installed size,
D depends, p provides, i install_if, k provider_priority; what a record of installed packages needs as well is `rest`.
"""

from collections.abc import Container, Iterator

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import number

_SOUND_NAME = lazy_regex(r"[A-Za-z0-9._+][A-Za-z0-9._+-]{0,255}")
_SOUND_VERSION = lazy_regex(r"[A-Za-z0-9._+~-]{1,255}")
_ADVICE = "the index is damaged or of an unknown kind: fetch it again, or use another mirror"
_KNOWN = frozenset("CPVATULDSIpiomtckrq")


class Package(Struct, frozen=True):
    """One version of a package as an index lists it. Lists of dependencies are the text of their fields.

    `checksum` is that of its control segment, as apk writes it (`Q1` and base64); `size` that of the file in bytes.
    `description`, `url`, `license`, `origin`, `maintainer`, `built` and `commit` are for records of what is installed.
    """

    name: str
    version: str
    architecture: str
    checksum: str
    size: int
    installed_size: int = 0
    depends: str = ""
    provides: str = ""
    install_if: str = ""
    provider_priority: int = 0
    description: str = ""
    url: str = ""
    license: str = ""
    origin: str = ""
    maintainer: str = ""
    built: str = ""
    commit: str = ""
    is_installable: bool = True

    @property
    def file(self) -> str:
        """The name of its file in the repository."""
        return f"{self.name}-{self.version}.apk"

    def offers(self, names: Container[str]) -> Iterator[tuple[str, str | None, str]]:
        """What it has or provides of these names: each with its version, None for a name without, and the checksum."""
        if self.name in names:
            yield self.name, self.version, self.checksum
        for text in self.provides.split():
            name, equals, version = text.partition("=")
            if name in names:
                yield name, version if equals else None, self.checksum

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def parse_index(text: str, what: str) -> Iterator[Package]:
    """The packages of an index; `what` is what messages call it. Raises FormatError."""
    for paragraph in text.split("\n\n"):
        stripped = paragraph.strip("\n")
        if stripped:
            yield _package(stripped, what)


def _package(paragraph: str, what: str) -> Package:
    fields: dict[str, str] = {}
    installable = True
    for line in paragraph.split("\n"):
        if line[1:2] != ":":
            raise FormatError(f"{what} has a damaged line: {line[:100]!r}", _ADVICE)
        key = line[0]
        if key in "Dpi" and key in fields:
            fields[key] += f" {line[2:]}"
        else:
            fields[key] = line[2:]
        if key not in _KNOWN and not key.islower():
            installable = False  # apk(8): a field in upper case that is not known makes a package impossible to install
    get = fields.get
    name, version = get("P", ""), get("V", "")
    size, installed, priority = number(get("S", "")), number(get("I", "0")), number(get("k", "0"))
    if not _SOUND_NAME.fullmatch(name) or not _SOUND_VERSION.fullmatch(version):
        raise FormatError(f"{what}: {name[:100]!r} {version[:100]!r} is not a package's name and version", _ADVICE)
    if size is None or installed is None or priority is None or not get("C", "").startswith("Q"):
        raise FormatError(f"{what}: the package {name} has no usable size or checksum", _ADVICE)
    return Package(
        name, version, get("A", ""), fields["C"], size, installed,
        get("D", ""), get("p", ""), get("i", ""), priority,
        get("T", ""), get("U", ""), get("L", ""), get("o", ""), get("m", ""), get("t", ""), get("c", ""),
        installable,
    )  # fmt: skip

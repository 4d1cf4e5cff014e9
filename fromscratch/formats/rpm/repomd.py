"""Metadata of RPM repositories: repomd.xml, which lists the other files with their digests, and metalinks, RFC 5854.

They are untrusted bytes, bounded in size; a document with a DOCTYPE, which could expand without end, is refused.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.limits import number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MOST_BYTES = 16 << 20
_MOST_MIRRORS = 200
_HINT = "fetch it again; if it stays so, the repository is damaged, or the address is that of something else"
_WEAK = frozenset({"md5", "sha", "sha1"})


class Listed(Struct, frozen=True):
    """A file of the repository, such as its `primary` index: its path below the repository, or a whole address."""

    kind: str
    location: str
    digest: Digest
    size: int | None = None


class Repomd(Struct, frozen=True):
    """`date` is when the newest of the files was made, in seconds since 1970; None if it does not say."""

    files: tuple[Listed, ...]
    date: float | None = None

    def file(self, kind: str) -> Listed | None:
        return next((one for one in self.files if one.kind == kind), None)


class Metalink(Struct, frozen=True):
    """Where repomd.xml can be had, the preferred address first, and the digests that it may have."""

    addresses: tuple[str, ...]
    digests: tuple[Digest, ...]


def parse_repomd(data: bytes, what: str) -> Repomd:
    """Raises FormatError."""
    root = _root(data, what)
    if _name(root) != "repomd":
        raise FormatError(f"{what} is not the index of a repository: it is a document {_name(root)!r}", _HINT)
    files, dates = [], []
    for element in root:
        if _name(element) == "data" and (found := _listed(element, what)) is not None:
            files.append(found)
            dates += [float(moment) for moment in _texts(element, "timestamp") if _is_date(moment)]
    revision = next((text for text in _texts(root, "revision") if _is_date(text)), None)
    return Repomd(tuple(files), max([*dates, *([float(revision)] if revision else [])], default=None))


def _is_date(text: str) -> bool:
    """Whether a text is a moment in seconds since 1970; others use counters, or words."""
    whole = number(text.partition(".")[0])
    return whole is not None and 10**9 < whole < 10**11 and (text.isdigit() or text.replace(".", "", 1).isdigit())


def _listed(element: "Element", what: str) -> Listed | None:
    kind = element.get("type", "")
    location = next((each.get("href", "") for each in element if _name(each) == "location"), "")
    base = next((base for each in element for name, base in each.items() if name.endswith("}base")), "")
    checksum = next((each for each in element if _name(each) == "checksum"), None)
    if not kind or not location or checksum is None:
        raise FormatError(f"{what} lists a file without its kind, place or digest", _HINT)
    algorithm, digits = checksum.get("type", "").lower(), (checksum.text or "").strip()
    if algorithm in _WEAK:
        raise FormatError(
            f"{what} gives only the {algorithm} of {location}, which can be forged",
            "let it be made again with: createrepo_c --checksum sha256",
        )
    if location.startswith("/") or ".." in location.split("/"):
        raise FormatError(f"{what} leads outside the repository: {location!r}", _HINT)
    size = next(map(number, _texts(element, "size")), None)
    try:
        digest = Digest.parse(f"{algorithm}:{digits}")
    except FormatError:
        return None  # of a kind that is newer than we are: whoever needs this file will miss it
    return Listed(kind, f"{base.rstrip('/')}/{location}" if base else location, digest, size)


def parse_metalink(data: bytes, what: str) -> Metalink:
    """Raises FormatError."""
    root = _root(data, what)
    file = next((each for each in root.iter() if _name(each) == "file" and each.get("name") == "repomd.xml"), None)
    if file is None:
        raise FormatError(f"{what} is not a metalink of a repository: it names no repomd.xml", _HINT)
    digests = []
    for element in file.iter():
        if _name(element) == "hash" and element.get("type", "").lower() in ("sha256", "sha512"):
            digests.append(Digest.parse(f"{element.get('type', '').lower()}:{(element.text or '').strip()}"))
    urls = [each for each in file.iter() if _name(each) == "url" and (each.text or "").strip()]
    urls.sort(key=lambda each: -(number(each.get("preference", "")) or 0))
    found = [(each.text or "").strip() for each in urls]
    usable = [url for url in found if url.startswith(("https://", "http://", "file://"))]
    if not usable or not digests:
        raise FormatError(f"{what} has no address, or no digest, of repomd.xml", _HINT)
    return Metalink(tuple(usable[:_MOST_MIRRORS]), tuple(dict.fromkeys(digests)))


def parse_mirror_list(data: bytes, what: str) -> tuple[str, ...]:
    """The addresses of a mirror list, one a line. Raises FormatError."""
    lines = (line.strip() for line in data[:_MOST_BYTES].decode("utf-8", "replace").split("\n"))
    found = [line for line in lines if line.startswith(("https://", "http://", "file://")) and " " not in line]
    if not found:
        raise FormatError(f"{what} names no mirror", _HINT)
    return tuple(dict.fromkeys(found))[:_MOST_MIRRORS]


def _root(data: bytes, what: str) -> "Element":
    from xml.etree.ElementTree import ParseError, XMLParser

    if len(data) > _MOST_BYTES:
        raise FormatError(f"{what} has {len(data)} bytes; no honest one is so large", _HINT)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise FormatError(f"{what} has a document type, which no index of a repository has", _HINT)
    parser = XMLParser()  # noqa: S314  # bounded, and without entities
    try:
        parser.feed(data)
        return parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise FormatError(f"{what} is not XML: {error}", _HINT) from error


def _name(element: "Element") -> str:
    return str(element.tag).rpartition("}")[2]


def _texts(element: "Element", name: str) -> Iterator[str]:
    return ((each.text or "").strip() for each in element if _name(each) == name)

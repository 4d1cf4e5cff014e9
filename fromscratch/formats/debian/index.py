"""The indexes of a Debian archive: the Release file of a suite, and its Packages files.

Release follows the wiki's DebianRepository/Format; dates are those of RFC 2822 in UTC.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats.debian import deb822
from fromscratch.formats.debian.deb822 import Stanza
from fromscratch.formats.debian.version import Relation, parse_relations, version_key
from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import number
from fromscratch.record import PartlyShown

_SOUND_NAME = lazy_regex(r"[A-Za-z0-9][A-Za-z0-9+._-]*")


class Listed(Struct, frozen=True):
    """A file that a Release vouches for; `path` is relative to the suite's folder, `size` in bytes."""

    path: str
    digest: Digest
    size: int


class Release(PartlyShown, frozen=True):
    """One suite. Fields that are absent are empty; `date` and `valid_until` are seconds since 1970.

    What is not `automatic`, such as backports, is taken only on request.
    """

    unshown = ("files",)

    suite: str
    codename: str
    components: tuple[str, ...]
    architectures: tuple[str, ...]
    date: float | None
    valid_until: float | None
    by_hash: bool
    separate_all: bool
    automatic: bool
    files: Mapping[str, Listed]

    def packages(self, component: str, architecture: str) -> Listed | None:
        """The Packages file, in the best compression that is offered; None when there is none."""
        for suffix in (".xz", ".gz", ".bz2", ""):
            found = self.files.get(f"{component}/binary-{architecture}/Packages{suffix}")
            if found is not None:
                return found
        return None


def parse_release(text: str, what: str) -> Release:
    """The Release file. Only SHA256 and SHA512 sums count. Raises FormatError."""
    stanza = deb822.stanza(text, what)
    files = _listed(stanza.get("sha512", ""), "sha512", what)
    files.update(_listed(stanza.get("sha256", ""), "sha256", what))
    if not files:
        raise FormatError(
            f"{what} lists no SHA256 sums",
            "the archive is too old or no Debian archive; see whether mirror and suite are right",
        )
    architectures = tuple(stanza.get("architectures", "").split())
    return Release(
        suite=stanza.get("suite", ""),
        codename=stanza.get("codename", ""),
        # The archives of security updates write updates/main for what lies in main.
        components=tuple(name.rpartition("/")[2] for name in stanza.get("components", "").split()),
        architectures=architectures,
        date=_date(stanza, "date", what),
        valid_until=_date(stanza, "valid-until", what),
        by_hash=stanza.get("acquire-by-hash", "").lower() == "yes",
        separate_all="all" in architectures
        and "packages" not in stanza.get("no-support-for-architecture-all", "").lower(),
        automatic=stanza.get("notautomatic", "").lower() != "yes",
        files=files,
    )


def _listed(block: str, algorithm: str, what: str) -> dict[str, Listed]:
    files: dict[str, Listed] = {}
    for row in block.split("\n"):
        if not row:
            continue
        parts = row.split()
        size = number(parts[1]) if len(parts) == 3 else None
        if size is None:
            raise FormatError(f"{what} has a damaged line: {row[:100]!r}", "fetch it again, it may be damaged")
        files[parts[2]] = Listed(parts[2], Digest.parse(f"{algorithm}:{parts[0]}"), size)
    return files


def _date(stanza: Stanza, name: str, what: str) -> float | None:
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    if name not in stanza:
        return None
    try:
        moment = parsedate_to_datetime(stanza[name])
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{what} has the date {stanza[name]!r}", "the file is damaged: fetch it again") from error


class Package(Struct, frozen=True):
    """One version of a package as an index lists it. Relations are the text of their fields.

    `size` is that of the .deb in bytes, `filename` relative to the mirror; `archive` says which of
    several archives lists it.
    """

    name: str
    version: str
    architecture: str
    filename: str
    size: int
    digest: Digest
    archive: int = 0
    pre_depends: str = ""
    depends: str = ""
    recommends: str = ""
    provides: str = ""
    conflicts: str = ""
    breaks: str = ""
    replaces: str = ""
    priority: str = ""

    def provided(self, name: str) -> Iterator[Relation]:
        """The entries of Provides for this name."""
        if name in self.provides:
            for alternatives in parse_relations(self.provides):
                if alternatives[0].name == name:
                    yield alternatives[0]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def parse_package(text: str, archive: int = 0) -> Package:
    """One paragraph of a Packages file. Raises FormatError."""
    stanza = deb822.stanza(text, "Packages")
    try:
        size = number(stanza["size"])
        if size is None:
            raise ValueError("size")
        checksum = f"sha256:{stanza['sha256']}" if "sha256" in stanza else f"sha512:{stanza['sha512']}"
        package = Package(
            name=stanza["package"],
            version=stanza["version"],
            architecture=stanza["architecture"],
            filename=stanza["filename"],
            size=size,
            digest=Digest.parse(checksum),
            archive=archive,
            pre_depends=stanza.get("pre-depends", ""),
            depends=stanza.get("depends", ""),
            recommends=stanza.get("recommends", ""),
            provides=stanza.get("provides", ""),
            conflicts=stanza.get("conflicts", ""),
            breaks=stanza.get("breaks", ""),
            replaces=stanza.get("replaces", ""),
            priority=stanza.get("priority", ""),
        )
    except (KeyError, ValueError) as error:
        raise FormatError(
            f"Packages: the package {stanza.get('package', '?')} has no usable {error}",
            "the index is damaged or of an unknown kind",
        ) from error
    if not _SOUND_NAME.fullmatch(package.name):
        raise FormatError(f"Packages: {package.name!r} is not a name of a package", "the index is damaged")
    version_key(package.version)
    return package


_FIELDS = (
    rb"Package|Version|Architecture|Filename|Size|SHA256|SHA512|Priority|"
    rb"Pre-Depends|Depends|Recommends|Provides|Conflicts|Breaks|Replaces"
)
_FIELD = lazy_regex(rb"\n(?:%b):[^\n]*(?:\n[ \t][^\n]*)*" % _FIELDS)
_NAME = lazy_regex(rb"\nPackage:[ \t]*(\S+)")
_PROVIDES = lazy_regex(rb"\nProvides:([^\n]*(?:\n[ \t][^\n]*)*)")
_ESSENTIAL = b"\nEssential: yes"
_COMPACT = b"packages by name 2 %012d %012d %012d\n"
_HEADER = len(_COMPACT % (0, 0, 0))


def compact(packages: bytes) -> Iterator[bytes]:
    """A Packages file in a form that finds a package without being read whole, in pieces.

    First the lengths of three tables; then the tables, with lines `name offset size offset size …`,
    `virtual-name name name …` and the name of an Essential package; then the paragraphs, cut to the fields that
    `Package` has. Raises FormatError.
    """
    places: dict[bytes, list[bytes]] = {}
    essential: dict[bytes, list[bytes]] = {}
    providers: dict[bytes, list[bytes]] = {}
    paragraphs: list[bytes] = []
    offset = 0
    for paragraph in packages.split(b"\n\n"):
        stanza = b"".join(_FIELD.findall(b"\n" + paragraph)) + b"\n\n"
        found = _NAME.search(stanza)
        if found is None:
            if paragraph.strip():
                raise FormatError(
                    f"Packages has a paragraph without a name: {paragraph[:60]!r}", "the index is damaged"
                )
            continue
        places.setdefault(found[1], []).append(b"%d %d" % (offset, len(stanza)))
        if _ESSENTIAL in paragraph:
            essential[found[1]] = []
        provides = _PROVIDES.search(stanza) if b"\nProvides:" in stanza else None
        for entry in provides[1].split(b",") if provides else ():
            names = providers.setdefault(entry.partition(b"(")[0].strip().partition(b":")[0], [])
            if found[1] not in names:
                names.append(found[1])
        paragraphs.append(stanza)
        offset += len(stanza)
    tables = [
        b"\n" + b"".join(b" ".join((name, *table[name])) + b"\n" for name in sorted(table))
        for table in (places, providers, essential)
    ]
    yield _COMPACT % tuple(map(len, tables))
    yield from tables
    yield from paragraphs


class PackageIndex:
    """A file that `compact` wrote, of which only the looked-up parts are read. To be closed."""

    def __init__(self, path: Path, archive: int = 0) -> None:
        self._archive = archive
        with open(path, "rb") as stream:
            header = stream.read(_HEADER)
            lengths = [int(number) for number in header.split()[-3:]]
            self._map = mmap(stream.fileno(), 0, access=ACCESS_READ)
        self._names = _HEADER, _HEADER + lengths[0]
        self._virtual = self._names[1], self._names[1] + lengths[1]
        self._essential = self._virtual[1], self._virtual[1] + lengths[2]

    def __enter__(self) -> "PackageIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()

    def with_name(self, name: str) -> list[Package]:
        """Every version of a package."""
        numbers = [int(number) for number in self._row(name, self._names)]
        start = self._essential[1]
        return [
            parse_package(deb822.decoded(self._map[start + offset : start + offset + size]), self._archive)
            for offset, size in zip(numbers[::2], numbers[1::2], strict=True)
        ]

    def providers(self, virtual: str) -> list[str]:
        """The names of packages with this name in their Provides."""
        return [deb822.decoded(name) for name in self._row(virtual, self._virtual)]

    def essential(self) -> list[str]:
        """The names of the packages that every other may count on without a dependency: Policy 3.8, in order."""
        start, end = self._essential
        return deb822.decoded(self._map[start:end]).split()

    def names(self) -> Iterator[str]:
        """Every package's name and every provided one; for near misses."""
        for start, end in (self._names, self._virtual):
            for row in self._map[start:end].splitlines():
                if row:
                    yield deb822.decoded(row.partition(b" ")[0])

    def mentions(self, names: Collection[str]) -> Counter[str]:
        """How often the paragraphs name each of these packages: how common it is. Reads the whole file."""
        words = b"|".join(re.escape(name.encode("utf-8", "surrogateescape")) for name in names)
        found = re.compile(b" (%b)(?=[,: \n])" % words).findall(self._map, self._essential[1])
        return Counter(map(deb822.decoded, found))

    def _row(self, name: str, table: tuple[int, int]) -> list[bytes]:
        """What a table has for a name: its lines are sorted, so that half of them fall away at each look."""
        searched = name.encode("utf-8", "surrogateescape")
        low, high = table[0], table[1] - 1  # each at the end of a line
        while low < high:
            start = self._map.rfind(b"\n", low, (low + high) // 2 + 1)
            end = self._map.find(b"\n", start + 1)
            key, *values = self._map[start + 1 : end].split(b" ")
            if key == searched:
                return values
            low, high = (end, high) if key < searched else (low, start)
        return []

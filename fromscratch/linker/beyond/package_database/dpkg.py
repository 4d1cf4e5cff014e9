"""The database of dpkg, asked for the owners of files and for the packages that belong together."""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise

from fromscratch import paths
from fromscratch.formats.debian.installed import file_list
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.package_database.merged_usr import to_places
from fromscratch.linker.beyond.package_database.related import Related
from fromscratch.model import view as views
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.paths import TreePath, decode, encode

_INFO = "/var/lib/dpkg/info"
_MAX_STATUS = 64 << 20
_FEW = 12  # so many searches of all lists cost no more than an index of them
_NEEDS = lazy_regex(rb"^(?:Pre-)?Depends: (.*)$", re.MULTILINE)
_RECOMMENDS = lazy_regex(rb"^Recommends: (.*)$", re.MULTILINE)
_ESSENTIAL = lazy_regex(rb"^Essential: yes$", re.MULTILINE)
_SOURCE = lazy_regex(rb"^Source: ([^ \n]+)", re.MULTILINE)
_ARCHITECTURE = lazy_regex(rb"^Architecture: (\S+)", re.MULTILINE)
_NAME = lazy_regex(rb"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)")
_STEM = lazy_regex(r"[a-z][a-z0-9+-]{2,}")


class Dpkg:
    """Answers are of the packages that are installed.

    A package has its bare name; one that is there for several architectures has `NAME:ARCHITECTURE`, as dpkg has it.
    """

    STATUS = "/var/lib/dpkg/status"
    PLACES = (STATUS, _INFO)

    def __init__(self, scene: Scene) -> None:
        self._scene, self._to_place = scene, to_places(scene)
        self._read: dict[str, frozenset[bytes]] = {}  # the lines of lists by their names

    def owners(self, places: Iterable[TreePath]) -> dict[TreePath, str]:
        """Lists with a name like a file's are read first, and all of them only if they must be, once."""
        left = {encode(spelled): place for place in places for spelled in self._spellings(place)}
        stems = tuple({stem[:6] for place in left.values() for stem in _STEM.findall(paths.name(place).lower())})
        found: dict[TreePath, str] = {}
        for package, name in self._lists.items():
            if not left:
                break
            for line in left.keys() & self._lines(name) if name.startswith(stems) else ():
                found[left[line]] = package
            left = {line: place for line, place in left.items() if place not in found}
        positions = {} if not left else self._found(left) if len(left) <= _FEW else self._positions
        for line in sorted(left.keys() & positions.keys(), key=positions.__getitem__):
            found.setdefault(left[line], self._packages[positions[line]])
        return found

    def related(self, package: str) -> Related:
        own = self._paragraphs.get(package, b"")
        needed = dict.fromkeys([package, *self._packages_in(_NEEDS, own)])
        source = self._source(package, own)
        siblings = [name for name in self._by_source[source] if name not in needed]
        recommends = tuple(dict.fromkeys(self._packages_in(_RECOMMENDS, own)))
        found = dict.fromkeys(recommends)
        for name in recommends:
            found.update(dict.fromkeys(self._packages_in(_NEEDS, self._paragraphs[name])))
        recommended = [name for name in found if name not in needed and name not in siblings]
        return Related(tuple(needed), tuple(siblings), tuple(recommended), recommends)

    def is_everywhere(self, package: str) -> bool:
        """Whether every system of this kind has it, so that a need for it is not worth mentioning."""
        return _ESSENTIAL.search(self._paragraphs.get(package, b"")) is not None

    @property
    def tells_relations(self) -> bool:
        return views.place(self._scene.view, self.STATUS) is not None

    def listed(self, package: str) -> Sequence[str]:
        raw = self._scene.read(f"{_INFO}/{self._lists[package]}") if package in self._lists else None
        return file_list(raw or b"")

    def _spellings(self, place: TreePath) -> list[str]:
        bare = place.removeprefix("/usr")
        return [place, bare] if bare != place and self._to_place(bare) == place else [place]

    def _packages_in(self, field: re.Pattern[bytes], paragraph: bytes) -> Iterator[str]:
        for line in field.findall(paragraph):
            for name in map(decode, _NAME.findall(line)):
                beside = f"{name}:{_architecture(paragraph)}"
                yield from (each for each in (name, beside) if each in self._paragraphs)

    def _source(self, package: str, paragraph: bytes) -> str:
        found = _SOURCE.search(paragraph)
        return decode(found[1]) if found else package

    def _lines(self, name: str) -> frozenset[bytes]:
        if name not in self._read:
            self._read[name] = frozenset((self._scene.read(f"{_INFO}/{name}") or b"").split(b"\n"))
        return self._read[name]

    def _found(self, lines: Iterable[bytes]) -> dict[bytes, int]:
        """The number of the first list that has each of a few lines: all of them are searched as one text."""
        text, ends = self._whole
        at = {line: text.find(b"\n" + line + b"\n") for line in lines if b"\n" not in line}
        return {line: bisect_right(ends, start) for line, start in at.items() if start >= 0}

    @cached_property
    def _whole(self) -> tuple[bytes, list[int]]:
        """All lists, each between newlines, and the offset behind each."""
        texts = [b"\n%b\n" % (self._scene.read(f"{_INFO}/{name}") or b"") for name in self._lists.values()]
        return b"".join(texts), list(accumulate(map(len, texts)))

    @cached_property
    def _positions(self) -> dict[bytes, int]:
        """The number of the first list that has each line of any."""
        text, ends = self._whole
        found: dict[bytes, int] = {}
        for number, (start, end) in enumerate(pairwise((0, *ends))):
            for line in text[start:end].split(b"\n"):
                found.setdefault(line, number)
        return found

    @cached_property
    def _packages(self) -> tuple[str, ...]:
        return tuple(self._lists)

    @cached_property
    def _lists(self) -> dict[str, str]:
        """The name of its list for each package."""
        names = [name.removesuffix(".list") for name in views.names(self._scene.view, _INFO) if name.endswith(".list")]
        counts = Counter(name.partition(":")[0] for name in names)
        return {name if counts[bare := name.partition(":")[0]] > 1 else bare: f"{name}.list" for name in names}

    @cached_property
    def _paragraphs(self) -> dict[str, bytes]:
        entry = views.look(self._scene.view, self.STATUS)
        raw = read(entry.content) if isinstance(entry, File) and entry.content.size <= _MAX_STATUS else b""
        texts = (text for text in raw.split(b"\n\n") if text.startswith(b"Package: "))
        bare = ((decode(text[9:].partition(b"\n")[0]), text) for text in texts)
        known = (((name, f"{name}:{_architecture(text)}"), text) for name, text in bare)
        return {name: text for names, text in known for name in names if name in self._lists}

    @cached_property
    def _by_source(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name, text in self._paragraphs.items():
            found[self._source(name, text)].append(name)
        return found


def _architecture(paragraph: bytes) -> str:
    found = _ARCHITECTURE.search(paragraph)
    return decode(found[1]) if found else ""

"""The database of dpkg, asked for the owners of files and for the packages that belong together."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate, pairwise

from fromscratch import paths
from fromscratch.formats.debian.installed import file_list
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.constant_data.merged_usr import to_places
from fromscratch.linker.beyond.constant_data.related import Related
from fromscratch.linker.beyond.contract import Scene
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
_NAME = lazy_regex(rb"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)")
_STEM = lazy_regex(r"[a-z][a-z0-9+-]{2,}")


def _package(list_name: str) -> str:
    return list_name.removesuffix(".list").partition(":")[0]


class Dpkg:
    """Answers are of the packages that are installed."""

    STATUS = "/var/lib/dpkg/status"

    def __init__(self, scene: Scene) -> None:
        self._scene, self._to_place = scene, to_places(scene)
        self._read: dict[str, frozenset[bytes]] = {}  # the lines of lists by their names

    def owners(self, places: Iterable[TreePath]) -> dict[TreePath, str]:
        """Lists with a name like a file's are read first, and all of them only if they must be, once."""
        left = {encode(spelled): place for place in places for spelled in self._spellings(place)}
        stems = tuple({stem[:6] for place in left.values() for stem in _STEM.findall(paths.name(place).lower())})
        found: dict[TreePath, str] = {}
        for name in (name for name in self._lists.values() if name.startswith(stems)):
            if not left:
                break
            for line in left.keys() & self._lines(name):
                found[left[line]] = _package(name)
            left = {line: place for line, place in left.items() if place not in found}
        positions = {} if not left else self._found(left) if len(left) <= _FEW else self._positions
        for line in sorted(left.keys() & positions.keys(), key=positions.__getitem__):
            found.setdefault(left[line], _package(self._names[positions[line]]))
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

    def files(self, package: str) -> list[str]:
        raw = self._scene.read(f"{_INFO}/{self._lists[package]}") if package in self._lists else None
        return sorted(map(self._to_place, file_list(raw or b"")))

    def _spellings(self, place: TreePath) -> list[str]:
        bare = place.removeprefix("/usr")
        return [place, bare] if bare != place and self._to_place(bare) == place else [place]

    def _packages_in(self, field: re.Pattern[bytes], paragraph: bytes) -> Iterator[str]:
        for line in field.findall(paragraph):
            yield from (name for name in map(decode, _NAME.findall(line)) if name in self._paragraphs)

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
        texts = [b"\n%b\n" % (self._scene.read(f"{_INFO}/{name}") or b"") for name in self._names]
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
    def _names(self) -> tuple[str, ...]:
        return tuple(self._lists.values())

    @cached_property
    def _lists(self) -> dict[str, str]:
        """The name of its list for each package; of one for several architectures any."""
        names = (name for name in views.names(self._scene.view, _INFO) if name.endswith(".list"))
        return {_package(name): name for name in names}

    @cached_property
    def _paragraphs(self) -> dict[str, bytes]:
        entry = views.look(self._scene.view, self.STATUS)
        raw = read(entry.content) if isinstance(entry, File) and entry.content.size <= _MAX_STATUS else b""
        texts = (text for text in raw.split(b"\n\n") if text.startswith(b"Package: "))
        known = {decode(text[9:].partition(b"\n")[0]): text for text in texts}
        return {name: text for name, text in known.items() if name in self._lists}

    @cached_property
    def _by_source(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name, text in self._paragraphs.items():
            found[self._source(name, text)].append(name)
        return found

"""From what was asked for to all that it takes: closures, and what linking does not show, until nothing new is wanted.

Everything is taken by the paths by which it will be opened, with every symlink on the way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fromscratch.errors import FormatError, NotInTree
from fromscratch.formats.elf import Elf
from fromscratch.formats.elf_symbols import imported
from fromscratch.linker.beyond.contract import Confidence, Finder, Finding, Made, Offer, Scene, Want, Warned
from fromscratch.linker.closure import Link, Linker, Missing, Program
from fromscratch.linker.search import Node
from fromscratch.linker.unmet import Unmet, Versions
from fromscratch.model import view as views
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, HardLink, Origin, Symlink, file
from fromscratch.model.stacked import Stacked
from fromscratch.paths import TreePath, ancestors

_RANKS: tuple[Confidence, ...] = ("possible", "likely", "declared", "certain")
_CERTAIN = _RANKS.index("certain")


@dataclass(frozen=True, slots=True)
class Object:
    """An ELF file that is taken. `path` is spelled as it was found, `place` is where that leads.

    `kind` is "program", "library", "loader" or "static"; `links` are the needs that it meets.
    """

    path: str
    place: TreePath
    elf: Elf
    kind: str
    confidence: Confidence
    links: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What it takes, and what cannot be had.

    `entries` are as they stand in the roots, with their reasons; parents may be missing. `grounds` tells for each place
    which root it is from, and -1 for what we made. `programs` is the loader's view of each that was asked for.
    What only an object that may never be loaded would miss is no part of `missing`, but a warning.
    """

    entries: dict[TreePath, Entry]
    grounds: dict[TreePath, int]
    objects: tuple[Object, ...]
    programs: tuple[Program, ...]
    missing: tuple[Missing, ...]
    unmet: tuple[Unmet, ...]
    offers: tuple[Offer, ...]
    warnings: tuple[str, ...]


def gather(
    linker: Linker,
    asked: Mapping[str, Origin],
    finders: Sequence[Finder],
    source: str,
    follows: Callable[[Elf], bool] = lambda elf: True,
) -> Gathered:
    """All that these files take, the asked ones among them. `source` is what origins name as their source.

    An object that `follows` says no to is taken for data. Raises NotInTree for a path that is in none of the roots.
    """
    work = _Gathering(linker, source, follows)
    for path, origin in asked.items():
        work.ask(path, origin)
    work.settle(finders)
    return work.result()


class _Gathering:
    def __init__(self, linker: Linker, source: str, follows: Callable[[Elf], bool]) -> None:
        self._linker, self._source, self._follows = linker, source, follows
        self._view = Stacked(*(ground.view for ground in linker.grounds))
        self._entries: dict[TreePath, Entry] = {}
        self._grounds: dict[TreePath, int] = {}
        self._programs: list[Program] = []
        self._elfs: dict[TreePath, Elf] = {}
        self._paths: dict[TreePath, str] = {}  # of each object, as it was found
        self._nodes: dict[TreePath, list[tuple[Program, Node]]] = {}
        self._ranks: dict[TreePath, int] = {}
        self._wants: dict[TreePath, list[tuple[TreePath, int]]] = {}  # what each file wants, and how surely
        self._links: dict[TreePath, list[Link]] = {}
        self._kinds: dict[TreePath, str] = {}
        self._files: set[TreePath] = set()
        self._left: dict[TreePath, tuple[int, Origin]] = {}  # folders that paths go back out of
        self._asked: list[TreePath] = []
        self._missing: dict[Missing, None] = {}
        self._seen: dict[Finding, None] = {}
        self._offers: tuple[Offer, ...] = ()
        self._imports: dict[TreePath, frozenset[str]] = {}
        self._said_of: dict[tuple[TreePath, str, str], tuple[str, int]] = {}  # a library: what a finder said, its rank
        self._progress: dict[int, int] = {}  # program -> how many of its links are taken

    # What is taken

    def ask(self, path: str, origin: Origin) -> None:
        place = self._take(self._ground_of(path), path, origin, None, _CERTAIN)
        if place is not None:
            self._asked.append(place)

    def _ground_of(self, path: str) -> int | None:
        """The root in which a path leads somewhere; None for all of them as one, where symlinks may cross."""
        if views.place(self._view, path) is not None:
            return None
        for number, ground in enumerate(self._linker.grounds):
            if views.place(ground.view, path) is not None:
                return number
        raise NotInTree(f"there is no {path}", "see whether the path is right")

    def _take(
        self, number: int | None, path: str, origin: Origin, by: TreePath | None, rank: int, *, linked: bool = False
    ) -> TreePath | None:
        """A path with its symlinks; an ELF file with its closure, unless that is being followed already.

        `rank` is how surely `by` wants it; None wants what was asked for.
        """
        view = self._view if number is None else self._linker.grounds[number].view
        *links, place = views.way(view, path)
        for passed in views.left(view, path):
            self._left.setdefault(passed, (self._layer(number, passed), origin))
        for link in links:
            self._put(self._layer(number, link), link, Origin(self._source, "link to", str(place), origin))
        number = self._layer(number, place)
        ground = self._linker.grounds[number]
        entry = ground.view.get(place)
        if entry is None or (place in self._entries and not isinstance(entry, File | HardLink)):
            return place
        self._put(number, place, origin)
        if not isinstance(entry, File | HardLink):
            return place
        self._rank(place, by, rank)
        opened = ground.opened(place)
        if opened is None or opened.elf is None or not self._follows(opened.elf):
            self._files.add(place)
            return place
        if place not in self._elfs:
            self._elfs[place], self._paths[place] = opened.elf, path
            self._kinds[place] = _kind(opened.elf)
            if not linked:
                self._follow(self._linker.program(path if number == self._first(path) else place))
        return place

    def _rank(self, place: TreePath, by: TreePath | None, rank: int) -> None:
        """Nothing is surer than what wants it, and what turns out surer makes all that it wants so."""
        pending = [(place, rank)]
        if by is not None:
            self._wants.setdefault(by, []).append((place, rank))
            pending = [(place, min(rank, self._ranks.get(by, _CERTAIN)))]
        while pending:
            place, rank = pending.pop()
            if rank > self._ranks.get(place, -1):
                self._ranks[place] = rank
                pending += [(wanted, min(rank, surely)) for wanted, surely in self._wants.get(place, ())]

    def _layer(self, number: int | None, place: TreePath) -> int:
        return (self._view.layer(place) or 0) if number is None else number

    def _first(self, path: str) -> int | None:
        """The root that a path is taken from; None if no root alone has it, as its symlinks cross over."""
        for number, ground in enumerate(self._linker.grounds):
            if ground.opened(path) is not None:
                return number
        return None

    def _put(self, number: int, place: TreePath, origin: Origin) -> None:
        present = self._entries.get(place)
        if present is not None:
            if origin not in present.origins and len(present.origins) < _MANY:
                self._entries[place] = replace(present, origins=(*present.origins, origin))
            return
        entry = self._linker.grounds[number].view.get(place)
        if isinstance(entry, HardLink):
            if self._view.layer(entry.target) == number:
                self._put(number, entry.target, origin)
            else:  # an upper root has another file of that name
                entry = self._linker.grounds[number].view.get(entry.target)
        upper = self._view.get(place)
        if entry is None or (isinstance(entry, Symlink) and isinstance(upper, Directory)):
            return  # an upper root has a directory here: what the symlink leads to comes by its place
        self._entries[place], self._grounds[place] = replace(entry, origins=(origin,)), number

    # What the loader needs

    def _follow(self, program: Program) -> None:
        self._programs.append(program)
        self._catch_up(program)

    def _catch_up(self, program: Program) -> None:
        """Take what the loader has found since the last time."""
        start = self._progress.get(id(program), 0)
        self._progress[id(program)] = len(program.links)
        for node in program.nodes:
            known = self._nodes.setdefault(self._place(node), [])
            if not any(each is program for each, _ in known):
                known.append((program, node))
        places = {node.path: self._place(node) for node in program.nodes}
        for link in program.links[start:]:
            by = places[link.by]
            word = "interpreter of" if link.rule == "PT_INTERP" else "needed by"
            detail = link.by if link.rule == "PT_INTERP" else f"{link.by} ({link.rule} {link.name})"
            detail, rank = self._said_of.get((by, link.rule, link.name), (detail, _CERTAIN))
            origins = self._entries[by].origins if by in self._entries else ()
            origin = Origin(self._source, word, detail, origins[0] if origins else None)  # type: ignore[arg-type]
            number = self._first(link.to)
            place = self._take(number, link.to, origin, by, rank, linked=True)
            if place is not None:
                self._links.setdefault(place, []).append(link)
                if link.rule == "PT_INTERP":
                    self._kinds[place] = "loader"
        for missing in program.missing:
            self._missing[missing] = None

    def _place(self, node: Node) -> TreePath:
        return TreePath(node.ground.place(node.path) or node.path)

    # What linking does not show

    def settle(self, finders: Sequence[Finder]) -> None:
        """Ask every finder until none of them has anything new to say."""
        while True:
            said = list(self._said(finders))
            self._offers = tuple(each for each in dict.fromkeys(said) if isinstance(each, Offer))
            fresh = [each for each in dict.fromkeys(said) if each not in self._seen]
            self._seen.update(dict.fromkeys(fresh))
            acted = [each for each in fresh if isinstance(each, Want | Made)]
            for finding in acted:
                if isinstance(finding, Want):
                    self._want(finding)
                else:
                    self._make(finding)
            if not acted:
                return

    def _said(self, finders: Sequence[Finder]) -> Iterator[Finding]:
        scene = Scene(
            view=self._view,
            objects=dict(self._elfs),
            files=frozenset(self._files),
            asked=tuple(self._asked),
            imports=self._imported,
        )
        for finder in finders:
            yield from finder(scene)

    def _imported(self, place: TreePath) -> frozenset[str]:
        known = self._imports.get(place)
        if known is None:
            ground = self._linker.grounds[self._grounds[place]]
            with ground.reading(place) as read:
                try:
                    known = imported(self._elfs[place], read)
                except FormatError:
                    known = frozenset()  # a damaged symbol table: the loader may never look at it
            self._imports[place] = known
        return known

    def _make(self, made: Made) -> None:
        origin = Origin(self._source, "made by", made.detail)
        self._entries[made.path] = file(Inline(made.data), origin)
        self._grounds[made.path] = -1

    def _want(self, want: Want) -> None:
        if want.library:
            self._load(want)
            return
        by = self._entries.get(want.by)
        origin = Origin(self._source, want.reason, want.detail, by.origins[0] if by and by.origins else None)
        try:
            number = self._ground_of(want.path)
        except NotInTree:
            if not want.optional:
                self._missing[Missing(want.path, str(want.by), want.kind, (want.path,), "")] = None
            return
        if want.whole:
            self._take_whole(number, want, origin)
        else:
            self._take(number, want.path, origin, want.by, _RANKS.index(want.confidence))

    def _take_whole(self, number: int | None, want: Want, origin: Origin) -> None:
        rank = _RANKS.index(want.confidence)
        view = self._view if number is None else self._linker.grounds[number].view
        top = self._take(number, want.path, origin, want.by, rank)
        for place in views.below(view, top) if top is not None else ():
            if views.place(view, place) is None:
                self._put(self._layer(number, place), place, origin)  # a symlink that leads nowhere is kept as it is
            elif place != top:
                self._take(number, place, origin, want.by, rank)

    def _load(self, want: Want) -> None:
        """A library by its soname, as the object that wants it would find it."""
        self._said_of[want.by, want.kind, want.path] = want.detail, _RANKS.index(want.confidence)
        holders = self._nodes.get(want.by) or [(each, each.nodes[0]) for each in self._programs[:1]]
        if not holders and not want.optional:
            fault = "no program is there that could load it"
            self._missing[Missing(want.path, str(want.by), want.kind, (), fault)] = None
        for program, node in holders:
            program.load(node, want.path, want.kind, optional=want.optional)
            self._catch_up(program)

    def _put_left(self) -> None:
        """The folders that must be there for a path to go back out of them, though nothing lies there."""
        implied = {above for place in self._entries for above in ancestors(place)}
        for place, (number, origin) in self._left.items():
            if place not in implied and place not in self._entries:
                self._put(number, place, Origin(self._source, "parent of", "what lies beside it", origin))

    def result(self) -> Gathered:
        versions = Versions()
        self._put_left()
        unmet = dict.fromkeys(each for program in self._programs for each in versions.unmet(program))
        objects = tuple(
            Object(
                self._paths[place],
                place,
                elf,
                self._kinds[place],
                _RANKS[self._ranks[place]],
                tuple(dict.fromkeys(self._links.get(place, ()))),
            )
            for place, elf in self._elfs.items()
        )
        guessed = {
            self._paths.get(place, place) for place, rank in self._ranks.items() if rank < _RANKS.index("declared")
        }
        lost = (
            f"{each.name}, which {each.by} would need, is not there" for each in self._missing if each.by in guessed
        )
        return Gathered(
            entries=self._entries,
            grounds=self._grounds,
            objects=objects,
            programs=tuple(self._programs),
            missing=tuple(each for each in self._missing if each.by not in guessed),
            unmet=tuple(unmet),
            offers=self._offers,
            warnings=(*(each.text for each in self._seen if isinstance(each, Warned)), *lost),
        )


_MANY = 16  # reasons kept of one entry: libc.so.6 has one for every object


def _kind(elf: Elf) -> str:
    if elf.is_static:
        return "static"
    return "program" if elf.interpreter is not None and not (elf.soname or "") else "library"

"""From what was asked for to all that it takes: closures, and what linking does not show, until nothing new is wanted.

Everything is taken by the paths by which it will be opened, with every symlink on the way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch.errors import FormatError, NotInTree
from fromscratch.formats.elf.headers import Elf
from fromscratch.formats.elf.symbols import imported
from fromscratch.linker.beyond.contract import Confidence, Finder, Finding, Made, Offer, Scene, Want, Warned
from fromscratch.linker.closure import Link, Linker, Missing, Program
from fromscratch.linker.confidence import CERTAIN, RANKS, Sureness
from fromscratch.linker.search import Node
from fromscratch.linker.selection import Taken
from fromscratch.linker.symbol_versions import Unmet, Versions
from fromscratch.model import view as views
from fromscratch.model.entry import Entry, File, HardLink, Origin
from fromscratch.paths import TreePath


class Object(Struct, frozen=True):
    """An ELF file that is taken. `path` is spelled as it was found, `place` is where that leads.

    `kind` is "program", "library", "loader" or "static"; `links` are the needs that it meets.
    """

    path: str
    place: TreePath
    elf: Elf
    kind: str
    confidence: Confidence
    links: tuple[Link, ...]


class Gathered(Struct, frozen=True, kw_only=True):
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
        self._taken, self._sureness = Taken(linker.grounds, source), Sureness()
        self._programs: list[Program] = []
        self._elfs: dict[TreePath, Elf] = {}
        self._paths: dict[TreePath, str] = {}  # of each object, as it was found
        self._nodes: dict[TreePath, list[tuple[Program, Node]]] = {}
        self._links: dict[TreePath, list[Link]] = {}
        self._kinds: dict[TreePath, str] = {}
        self._files: set[TreePath] = set()
        self._asked: list[TreePath] = []
        self._missing: dict[Missing, None] = {}
        self._seen: dict[Finding, None] = {}
        self._offers: tuple[Offer, ...] = ()
        self._imports: dict[TreePath, frozenset[str]] = {}
        self._said_of: dict[tuple[TreePath, str, str], tuple[str, int]] = {}  # a library: what a finder said, its rank
        self._progress: dict[int, int] = {}  # program -> how many of its links are taken

    # What is taken

    def ask(self, path: str, origin: Origin) -> None:
        place = self._take(self._taken.ground_of(path), path, origin, None, CERTAIN)
        if place is not None:
            self._asked.append(place)

    def _take(
        self, number: int | None, path: str, origin: Origin, by: TreePath | None, rank: int, *, linked: bool = False
    ) -> TreePath | None:
        """A path with its symlinks; an ELF file with its closure, unless that is being followed already.

        `rank` is how surely `by` wants it; None wants what was asked for.
        """
        place, number = self._taken.way(number, path, origin)
        ground = self._linker.grounds[number]
        entry = ground.view.get(place)
        if entry is None or (place in self._taken.entries and not isinstance(entry, File | HardLink)):
            return place
        self._taken.put(number, place, origin)
        if not isinstance(entry, File | HardLink):
            return place
        self._sureness.wanted(place, by, rank)
        opened = ground.opened(place)
        if opened is None or opened.elf is None or not self._follows(opened.elf):
            self._files.add(place)
            return place
        if place not in self._elfs:
            self._elfs[place], self._paths[place] = opened.elf, path
            self._kinds[place] = _kind(opened.elf)
            if not linked:
                self._follow(self._linker.program(path if number == self._taken.first(path) else place))
        return place

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
            detail, rank = self._said_of.get((by, link.rule, link.name), (detail, CERTAIN))
            origins = self._taken.entries[by].origins if by in self._taken.entries else ()
            origin = Origin(self._source, word, detail, origins[0] if origins else None)  # type: ignore[arg-type]
            number = self._taken.first(link.to)
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
                    self._taken.make(finding)
            if not acted:
                return

    def _said(self, finders: Sequence[Finder]) -> Iterator[Finding]:
        scene = Scene(
            view=self._taken.view,
            objects=dict(self._elfs),
            files=frozenset(self._files),
            asked=tuple(self._asked),
            imports=self._imported,
            guessed=frozenset(self._sureness.guessed()),
            below=self._linker.grounds[0].view if len(self._linker.grounds) > 1 else None,
            named=self._taken.named,
        )
        for finder in finders:
            yield from finder(scene)

    def _imported(self, place: TreePath) -> frozenset[str]:
        known = self._imports.get(place)
        if known is None:
            ground = self._linker.grounds[self._taken.grounds[place]]
            with ground.reading(place) as read:
                try:
                    known = imported(self._elfs[place], read)
                except FormatError:
                    known = frozenset()  # a damaged symbol table: the loader may never look at it
            self._imports[place] = known
        return known

    def _want(self, want: Want) -> None:
        if want.library:
            self._load(want)
            return
        by = self._taken.entries.get(want.by)
        origin = Origin(self._source, want.reason, want.detail, by.origins[0] if by and by.origins else None)
        try:
            number = self._taken.ground_of(want.path)
        except NotInTree:
            if not want.optional:
                self._missing[Missing(want.path, str(want.by), want.kind, (want.path,), "")] = None
            return
        if want.whole:
            self._take_whole(number, want, origin)
        else:
            self._take(number, want.path, origin, want.by, RANKS.index(want.confidence))

    def _take_whole(self, number: int | None, want: Want, origin: Origin) -> None:
        rank = RANKS.index(want.confidence)
        view = self._taken.view if number is None else self._linker.grounds[number].view
        top = self._take(number, want.path, origin, want.by, rank)
        for place in views.below(view, top) if top is not None else ():
            if views.place(view, place) is None:
                # a symlink that leads nowhere is kept as it is
                self._taken.put(self._taken.layer(number, place), place, origin)
            elif place != top:
                self._take(number, place, origin, want.by, rank)

    def _load(self, want: Want) -> None:
        """A library by its soname, as the object that wants it would find it."""
        self._said_of[want.by, want.kind, want.path] = want.detail, RANKS.index(want.confidence)
        holders = self._nodes.get(want.by) or [(each, each.nodes[0]) for each in self._programs[:1]]
        if not holders and not want.optional:
            fault = "no program is there that could load it"
            self._missing[Missing(want.path, str(want.by), want.kind, (), fault)] = None
        for program, node in holders:
            program.load(node, want.path, want.kind, optional=want.optional)
            self._catch_up(program)

    def result(self) -> Gathered:
        versions = Versions()
        self._taken.put_left()
        unmet = dict.fromkeys(each for program in self._programs for each in versions.unmet(program))
        objects = tuple(
            Object(
                self._paths[place],
                place,
                elf,
                self._kinds[place],
                self._sureness.of(place),
                tuple(dict.fromkeys(self._links.get(place, ()))),
            )
            for place, elf in self._elfs.items()
        )
        guessed = {self._paths.get(place, place) for place in self._sureness.guessed()}
        lost = (
            f"{each.name}, which {each.by} would need, is not there" for each in self._missing if each.by in guessed
        )
        return Gathered(
            entries=self._taken.entries,
            grounds=self._taken.grounds,
            objects=objects,
            programs=tuple(self._programs),
            missing=tuple(each for each in self._missing if each.by not in guessed),
            unmet=tuple(unmet),
            offers=self._offers,
            warnings=(*(each.text for each in self._seen if isinstance(each, Warned)), *lost),
        )


def _kind(elf: Elf) -> str:
    if elf.is_static:
        return "static"
    return "program" if elf.interpreter is not None and not (elf.soname or "") else "library"

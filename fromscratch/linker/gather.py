"""All files that some programs need: their linked objects, and what the finders add, until nothing new is found.

Files are selected by the paths by which they will be opened, with every symlink on the way.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from fromscratch.errors import FormatError, NotInTree
from fromscratch.formats.elf.headers import Elf
from fromscratch.formats.elf.symbols import imported
from fromscratch.linker.beyond.contract import (
    Confidence,
    Finder,
    FinderWarning,
    Finding,
    GeneratedFile,
    NeededFile,
    Offer,
    Scene,
)
from fromscratch.linker.closure import Link, Linker, Missing, Program
from fromscratch.linker.confidence import CERTAIN, RANKS, ConfidenceTracker
from fromscratch.linker.offers import by_need
from fromscratch.linker.search import Node
from fromscratch.linker.selection import Selection
from fromscratch.linker.symbol_versions import MissingVersion, Versions
from fromscratch.model import view as views
from fromscratch.model.entry import Entry, File, HardLink, Origin
from fromscratch.paths import TreePath


class Object(Struct, frozen=True):
    """An ELF file that is selected. `path` is spelled as it was found, `place` is where that leads.

    `kind` is "program", "library", "loader" or "static"; `links` are the needs that it meets.
    """

    path: str
    place: TreePath
    elf: Elf
    kind: str
    confidence: Confidence
    links: tuple[Link, ...]


class GatherResult(Struct, frozen=True, kw_only=True):
    """The files that the requested ones need, and what could not be found.

    `entries` are as they stand in the roots, with their reasons; parents may be missing. `root_numbers` has for each
    place the index of the root it is from, and -1 for generated files. `programs` is the loader's view of each
    requested program. What only an object that may never be loaded would miss is a warning, and not in `missing`.
    `offers` begin with what the programs most likely fail without.
    """

    entries: dict[TreePath, Entry]
    root_numbers: dict[TreePath, int]
    objects: tuple[Object, ...]
    programs: tuple[Program, ...]
    missing: tuple[Missing, ...]
    missing_versions: tuple[MissingVersion, ...]
    offers: tuple[Offer, ...]
    warnings: tuple[str, ...]


def gather(
    linker: Linker,
    requested: Mapping[str, Origin],
    finders: Sequence[Finder],
    source: str,
    follows: Callable[[Elf], bool] = lambda elf: True,
) -> GatherResult:
    """All files that the requested ones need, with these. `source` is what origins name as their source.

    An object for which `follows` is false is treated as data. Raises NotInTree for a path that is in none of the roots.
    """
    gatherer = _Gatherer(linker, source, follows)
    # Programs first: a library that one of them loads is judged as a part of it.
    for path, origin in sorted(requested.items(), key=lambda each: _is_library(linker, each[0])):
        gatherer.request(path, origin)
    gatherer.run(finders)
    return gatherer.result()


class _ObjectRecord(Struct):
    """What is known of the ELF file at one place.

    `path` is spelled as it was first found; `nodes` are the programs that load it, each with its node there.
    `library_reasons` has, for the libraries that finders add for it, by rule and name the detail and the rank.
    """

    path: str
    kind: str
    nodes: list[tuple[Program, Node]] = []
    links: list[Link] = []
    imports: frozenset[str] | None = None
    library_reasons: dict[tuple[str, str], tuple[str, int]] = {}


class _Gatherer:
    def __init__(self, linker: Linker, source: str, follows: Callable[[Elf], bool]) -> None:
        self._linker, self._source, self._follows = linker, source, follows
        self._selection, self._confidence = Selection(linker.roots, source), ConfidenceTracker()
        self._links_done: dict[Program, int] = {}  # how many links of each program are selected
        self._records: dict[TreePath, _ObjectRecord] = {}
        self._loaded: set[tuple[Program, TreePath]] = set()  # each program with the places of its nodes
        self._node_places: dict[Node, TreePath] = {}
        self._elfs: dict[TreePath, Elf] = {}  # of what is selected, in that order
        self._files: set[TreePath] = set()
        self._requested: list[TreePath] = []
        self._missing: dict[Missing, None] = {}
        self._findings: dict[Finding, None] = {}
        self._offers: tuple[Offer, ...] = ()
        self._remembered: dict[Hashable, Any] = {}

    # Selecting

    def request(self, path: str, origin: Origin) -> None:
        place = self._select(self._selection.root_of(path), path, origin, None, CERTAIN)
        if place is not None:
            self._requested.append(place)

    def _select(
        self, number: int | None, path: str, origin: Origin, by: TreePath | None, rank: int, *, linked: bool = False
    ) -> TreePath | None:
        """Select a path with its symlinks; an ELF file with its closure, unless `linked`: then that is under way.

        `by` is the file that needs it, None for the user, and `rank` the confidence in that.
        """
        place, number = self._selection.add_symlinks(number, path, origin)
        root = self._linker.roots[number]
        entry = root.view.get(place)
        if entry is None or (place in self._selection.entries and not isinstance(entry, File | HardLink)):
            return place
        self._selection.add(number, place, origin)
        if not isinstance(entry, File | HardLink):
            return place
        self._confidence.record(place, by, rank)
        file = root.file(place)
        if file is None or file.elf is None or not self._follows(file.elf):
            self._files.add(place)
            return place
        if place not in self._elfs:
            self._elfs[place] = file.elf
            record = self._record(place)
            record.path, record.kind = path, _kind(file.elf)
            if not linked:
                own_root = number == self._selection.first_root_with(path)
                program = self._linker.program(path if own_root else place)
                self._links_done[program] = 0
                self._select_links(program)
        return place

    def _record(self, place: TreePath) -> _ObjectRecord:
        return self._records.setdefault(place, _ObjectRecord(place, ""))

    # What the loader needs

    def _select_links(self, program: Program) -> None:
        """Select what the loader has found since the last time."""
        start = self._links_done[program]
        self._links_done[program] = len(program.links)
        places = {node.path: self._place(node) for node in program.nodes}
        for node in program.nodes:
            loaded = program, places[node.path]
            if loaded not in self._loaded:
                self._loaded.add(loaded)
                self._record(loaded[1]).nodes.append((program, node))
        for link in program.links[start:]:
            by = places[link.by]
            word = "interpreter of" if link.rule == "PT_INTERP" else "needed by"
            detail = link.by if link.rule == "PT_INTERP" else f"{link.by} ({link.rule} {link.name})"
            detail, rank = self._record(by).library_reasons.get((link.rule, link.name), (detail, CERTAIN))
            origins = self._selection.entries[by].origins if by in self._selection.entries else ()
            origin = Origin(self._source, word, detail, origins[0] if origins else None)  # type: ignore[arg-type]
            number = self._selection.first_root_with(link.to)
            place = self._select(number, link.to, origin, by, rank, linked=True)
            if place is not None:
                self._record(place).links.append(link)
                if link.rule == "PT_INTERP":
                    self._record(place).kind = "loader"
        self._missing.update((each, None) for each in program.missing if not self._is_loaded(program, each))

    def _is_loaded(self, library: Program, missing: Missing) -> bool:
        """Whether a program that is requested too has loaded what a library by itself would not find."""
        return not library.nodes[0].elf.is_program and any(
            each.nodes[0].elf.is_program and each.provider(missing.name) is not None for each in self._links_done
        )

    def _place(self, node: Node) -> TreePath:
        known = self._node_places.get(node)
        if known is None:
            known = self._node_places[node] = TreePath(node.root.place(node.path) or node.path)
        return known

    # What linking does not show

    def run(self, finders: Sequence[Finder]) -> None:
        """Call every finder until none of them finds anything new."""
        while True:
            found = dict.fromkeys(self._find(finders))
            self._offers = tuple(each for each in found if isinstance(each, Offer))
            fresh = [each for each in found if each not in self._findings]
            self._findings.update(dict.fromkeys(fresh))
            additions = [each for each in fresh if isinstance(each, NeededFile | GeneratedFile)]
            for addition in additions:
                if isinstance(addition, NeededFile):
                    self._add(addition)
                else:
                    self._selection.add_generated(addition)
            if not additions:
                return

    def _find(self, finders: Sequence[Finder]) -> Iterator[Finding]:
        scene = Scene(
            view=self._selection.view,
            objects=dict(self._elfs),
            files=frozenset(self._files),
            requested=tuple(self._requested),
            imports=self._imports,
            speculative=frozenset(self._confidence.speculative()),
            below=self._linker.roots[0].view if len(self._linker.roots) > 1 else None,
            path_in_root=self._selection.path_in_root,
            remembered=self._remembered,
        )
        for finder in finders:
            yield from finder(scene)

    def _imports(self, place: TreePath) -> frozenset[str]:
        record = self._record(place)
        if record.imports is None:
            root = self._linker.roots[self._selection.root_numbers[place]]
            with root.reading(place) as read:
                try:
                    record.imports = imported(self._elfs[place], read)
                except FormatError:
                    record.imports = frozenset()  # a damaged symbol table: the loader may never look at it
        return record.imports

    def _add(self, needed: NeededFile) -> None:
        if needed.library:
            self._load(needed)
            return
        by = self._selection.entries.get(needed.by)
        origin = Origin(self._source, needed.reason, needed.detail, by.origins[0] if by and by.origins else None)
        try:
            number = self._selection.root_of(needed.path)
        except NotInTree:
            if not needed.optional:
                self._missing[Missing(needed.path, str(needed.by), needed.kind, (needed.path,), "")] = None
            return
        if needed.whole:
            self._add_folder(number, needed, origin)
        else:
            self._select(number, needed.path, origin, needed.by, RANKS.index(needed.confidence))

    def _add_folder(self, number: int | None, needed: NeededFile, origin: Origin) -> None:
        rank = RANKS.index(needed.confidence)
        view = self._selection.view if number is None else self._linker.roots[number].view
        top = self._select(number, needed.path, origin, needed.by, rank)
        for place in views.below(view, top) if top is not None else ():
            if views.place(view, place) is None:
                # A dangling symlink is selected as it is.
                self._selection.add(self._selection.root_number(number, place), place, origin)
            elif place != top:
                self._select(number, place, origin, needed.by, rank)

    def _load(self, needed: NeededFile) -> None:
        """Select a library by its soname, as the loader finds it for the object that needs it."""
        record = self._record(needed.by)
        record.library_reasons[needed.kind, needed.path] = needed.detail, RANKS.index(needed.confidence)
        callers = record.nodes or [(each, each.nodes[0]) for each in [*self._links_done][:1]]
        if not callers and not needed.optional:
            fault = "no program is there that could load it"
            self._missing[Missing(needed.path, str(needed.by), needed.kind, (), fault)] = None
        for program, node in callers:
            program.load(node, needed.path, needed.kind, optional=needed.optional)
            self._select_links(program)

    def result(self) -> GatherResult:
        versions = Versions()
        self._selection.add_folders_left()
        missing_versions = dict.fromkeys(each for program in self._links_done for each in versions.missing(program))
        speculative = {
            self._records[place].path if place in self._elfs else place for place in self._confidence.speculative()
        }
        doubtful = (
            f"{each.name}, which {each.by} would need, is not there" for each in self._missing if each.by in speculative
        )
        return GatherResult(
            entries=self._selection.entries,
            root_numbers=self._selection.root_numbers,
            objects=tuple(self._object(place, elf) for place, elf in self._elfs.items()),
            programs=tuple(self._links_done),
            missing=tuple(each for each in self._missing if each.by not in speculative),
            missing_versions=tuple(missing_versions),
            offers=by_need(self._offers),
            warnings=(*(each.text for each in self._findings if isinstance(each, FinderWarning)), *doubtful),
        )

    def _object(self, place: TreePath, elf: Elf) -> Object:
        record = self._records[place]
        links = tuple(dict.fromkeys(record.links))
        return Object(record.path, place, elf, record.kind, self._confidence.of(place), links)


def _is_library(linker: Linker, path: str) -> bool:
    found = linker.file(path)
    return found is not None and found[1].elf is not None and not found[1].elf.is_program


def _kind(elf: Elf) -> str:
    if elf.is_static:
        return "static"
    return "program" if elf.interpreter is not None and not (elf.soname or "") else "library"

"""Symbol versions that a program needs and the libraries it gets do not have: elf/dl-version.c of GLIBC."""

from collections.abc import Iterator, Sequence

from fromscratch.formats.elf.headers import DT_VERNEED
from fromscratch.formats.elf.versions import needs, provides
from fromscratch.linker.closure import Program
from fromscratch.linker.search import Node
from fromscratch.named_tuple import NamedTuple


class Unmet(NamedTuple):
    """`by` needs `version` of `library`, both paths as they were found, and the loader would refuse to start."""

    by: str
    library: str
    version: str


class Versions:
    """What objects need and provide, read once for each of them."""

    def __init__(self) -> None:
        self._needs: dict[object, tuple[tuple[str, frozenset[str]], ...]] = {}
        self._provides: dict[object, frozenset[str] | None] = {}
        self._twins: dict[int, tuple[Unmet, ...]] = {}  # of the libraries that programs share

    def unmet(self, program: Program) -> Iterator[Unmet]:
        """The version needs that the loader would end the program for: weak ones it only warns of.

        An object without any version definition provides whatever is asked, with a warning of the loader.
        Raises FormatError for a damaged table.
        """
        yield from self._of(program, program.nodes[:1])
        twin = program.twin
        if twin is None or len(twin.nodes) != len(program.nodes):
            yield from self._of(program, program.nodes[1:])
            return
        known = self._twins.get(id(twin))
        if known is None:
            known = self._twins[id(twin)] = tuple(self._of(twin, twin.nodes[1:]))
        yield from known

    def _of(self, program: Program, nodes: Sequence[Node]) -> Iterator[Unmet]:
        for node in nodes:
            for file, versions in self._needed(node):
                library = program.provider(file)
                if library is None:
                    continue  # a library that is not there is missing already
                provided = self._provided(library)
                if provided is not None and not versions <= provided:
                    for version in sorted(versions - provided):
                        yield Unmet(node.path, library.path, version)

    def _needed(self, node: Node) -> tuple[tuple[str, frozenset[str]], ...]:
        """The files that an object needs versions of, with those."""
        known = self._needs.get(node.identity)
        if known is None:
            found: dict[str, list[str]] = {}
            if node.elf.tag(DT_VERNEED) is not None:
                with node.ground.reading(node.path) as read:
                    for file, version, weak in needs(node.elf, read):
                        if not weak:
                            found.setdefault(file, []).append(version)
            known = self._needs[node.identity] = tuple((file, frozenset(each)) for file, each in found.items())
        return known

    def _provided(self, node: Node) -> frozenset[str] | None:
        if node.identity not in self._provides:
            with node.ground.reading(node.path) as read:
                self._provides[node.identity] = provides(node.elf, read)
        return self._provides[node.identity]

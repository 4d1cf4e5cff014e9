"""The symbol versions that a program needs and its libraries do not define: elf/dl-version.c of GLIBC."""

from collections.abc import Iterator, Sequence

from fromscratch.formats.elf.headers import DT_VERNEED
from fromscratch.formats.elf.versions import needs, provides
from fromscratch.linker.closure import Program
from fromscratch.linker.search import Node
from fromscratch.named_tuple import NamedTuple


class MissingVersion(NamedTuple):
    """A version that `by` needs of `library`, which does not define it: the loader refuses to start the program.

    Both are paths as they were found.
    """

    by: str
    library: str
    version: str


class Versions:
    """The versions that objects need and define, each object read once."""

    def __init__(self) -> None:
        self._needs: dict[object, tuple[tuple[str, frozenset[str]], ...]] = {}
        self._provides: dict[object, frozenset[str] | None] = {}
        self._twins: dict[int, tuple[MissingVersion, ...]] = {}  # what the libraries that programs share are missing

    def missing(self, program: Program) -> Iterator[MissingVersion]:
        """The versions without which the loader would end the program; of weak ones it only warns.

        An object without any version definition satisfies every need, with a warning of the loader.
        Raises FormatError for a damaged table.
        """
        yield from self._missing_in(program, program.nodes[:1])
        twin = program.twin
        if twin is None or len(twin.nodes) != len(program.nodes):
            yield from self._missing_in(program, program.nodes[1:])
            return
        known = self._twins.get(id(twin))
        if known is None:
            known = self._twins[id(twin)] = tuple(self._missing_in(twin, twin.nodes[1:]))
        yield from known

    def _missing_in(self, program: Program, nodes: Sequence[Node]) -> Iterator[MissingVersion]:
        for node in nodes:
            for file, versions in self._versions_needed(node):
                library = program.provider(file)
                if library is None:
                    continue  # the library itself is missing, which is reported already
                provided = self._versions_provided(library)
                if provided is not None and not versions <= provided:
                    for version in sorted(versions - provided):
                        yield MissingVersion(node.path, library.path, version)

    def _versions_needed(self, node: Node) -> tuple[tuple[str, frozenset[str]], ...]:
        """The libraries that an object needs versions of, each with those."""
        known = self._needs.get(node.identity)
        if known is None:
            found: dict[str, list[str]] = {}
            if node.elf.tag(DT_VERNEED) is not None:
                with node.root.reading(node.path) as read:
                    for file, version, weak in needs(node.elf, read):
                        if not weak:
                            found.setdefault(file, []).append(version)
            known = self._needs[node.identity] = tuple((file, frozenset(each)) for file, each in found.items())
        return known

    def _versions_provided(self, node: Node) -> frozenset[str] | None:
        if node.identity not in self._provides:
            with node.root.reading(node.path) as read:
                self._provides[node.identity] = provides(node.elf, read)
        return self._provides[node.identity]

"""Symbol versions that a program needs and the libraries it gets do not have: elf/dl-version.c of GLIBC."""

from collections.abc import Iterator
from typing import NamedTuple

from fromscratch.formats.elf_versions import Need, needs, provides
from fromscratch.linker.closure import Program
from fromscratch.linker.search import Node


class Unmet(NamedTuple):
    """`by` needs `version` of `library`, both paths as they were found, and the loader would refuse to start."""

    by: str
    library: str
    version: str


class Versions:
    """What objects need and provide, read once for each of them."""

    def __init__(self) -> None:
        self._needs: dict[object, tuple[Need, ...]] = {}
        self._provides: dict[object, frozenset[str] | None] = {}

    def unmet(self, program: Program) -> Iterator[Unmet]:
        """The version needs that the loader would end the program for: weak ones it only warns of.

        An object without any version definition provides whatever is asked, with a warning of the loader.
        """
        for node in program.nodes:
            for file, version, weak in self._needed(node):
                library = None if weak else program.provider(file)
                if library is None:
                    continue  # a library that is not there is missing already
                known = self._provided(library)
                if known is not None and version not in known:
                    yield Unmet(node.path, library.path, version)

    def _needed(self, node: Node) -> tuple[Need, ...]:
        known = self._needs.get(node.identity)
        if known is None:
            with node.ground.reading(node.path) as read:
                known = self._needs[node.identity] = needs(node.elf, read)
        return known

    def _provided(self, node: Node) -> frozenset[str] | None:
        if node.identity not in self._provides:
            with node.ground.reading(node.path) as read:
                self._provides[node.identity] = provides(node.elf, read)
        return self._provides[node.identity]

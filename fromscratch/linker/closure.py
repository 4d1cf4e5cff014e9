"""What a program needs to start: its objects, as the loader would map them. Nothing is executed.

`elf/dl-deps.c` of GLIBC and `load_deps` of musl: breadth first over DT_NEEDED, each object once, by
the name it is asked for by, by its DT_SONAME, and by its inode. What several programs ask of one
root is answered once.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fromscratch.errors import UsageError
from fromscratch.formats.elf import Elf
from fromscratch.linker.ground import Ground, Opened
from fromscratch.linker.loader import Loader, loader, usual_interpreter
from fromscratch.linker.search import Node, Search


class Link(NamedTuple):
    """One need that was met: `by` is the path of the object that asks, `name` what it asks for, `rule` how it says so.

    `to` is the path of what it gets, spelled as the loader found it, by the search rule `how`.
    """

    by: str
    name: str
    rule: str
    to: str
    how: str


class Missing(NamedTuple):
    """One need that was not met. `fault` tells what stopped the search, if something did."""

    name: str
    by: str
    rule: str
    searched: tuple[str, ...]
    fault: str


class Linker:
    """The loader model over one root, or over several of which the first has precedence.

    `library_path` is LD_LIBRARY_PATH, and `preload` names objects as LD_PRELOAD and /etc/ld.so.preload do.
    A root without an ld.so.cache is searched as if ldconfig had run in it; with `by_cache_alone` as its loader would.
    """

    def __init__(
        self,
        grounds: Sequence[Ground],
        *,
        library_path: Sequence[str] = (),
        preload: Sequence[str] = (),
        by_cache_alone: bool = False,
    ) -> None:
        self.grounds, self._by_cache_alone = tuple(grounds), by_cache_alone
        self._library_path, self._preload = tuple(library_path), tuple(preload)
        self._searches: dict[tuple[object, ...], Search] = {}

    def opened(self, path: str) -> tuple[Ground, Opened] | None:
        """The file that a path leads to, in the first ground that has it."""
        for ground in self.grounds:
            found = ground.opened(path)
            if found is not None:
                return ground, found
        return None

    def program(self, path: str) -> "Program":
        """One ELF file, a program or a library, with all it needs.

        Raises UsageError for what is not there or is no whole ELF file: those need nothing.
        """
        found = self.opened(path)
        if found is None:
            raise UsageError(f"there is no file {path}", "see whether the path is right")
        ground, opened = found
        elf = opened.elf
        if elf is None:
            raise UsageError(f"{path}: {opened.fault}", "name a program or a shared library")
        made = Program(self, Node(path, elf, ground, opened.identity, None, "asked for"))
        if not elf.is_static and (elf.dynamic or elf.interpreter):
            made.start(self._preload)
        return made

    def search(self, elf: Elf) -> tuple[Search, str | None]:
        """The rules for a program like this, and the path of its loader, if one is named or usual."""
        path = elf.interpreter
        if path is None:
            usual = (usual_interpreter(ground, elf) for ground in self.grounds)
            path = next((each for each in usual if each), None)
        key = (path, elf.bits, elf.big_endian, elf.machine, elf.flags)
        known = self._searches.get(key)
        if known is None:
            each = [loader(ground, path or "", elf) for ground in self.grounds]
            # A root without a loader of its own is searched by the rules of the one that will start it.
            there = next((one for one in each if one.found), each[-1])
            loaders = tuple(one if one.found else there for one in each)
            known = self._searches[key] = Search(self.grounds, loaders, elf, self._library_path, self._by_cache_alone)
        return known, path


class Program:
    """One program as its loader would map it.

    `nodes` are its objects in the order of loading, the program itself first; `links` and `missing` are the needs
    that were met and those that were not.
    """

    def __init__(self, linker: Linker, root: Node) -> None:
        self._linker = linker
        self._search, self._interpreter = linker.search(root.elf)
        self.nodes = [self._search.entered(root)]
        self.links: list[Link] = []
        self.missing: list[Missing] = []
        self._by_name: dict[str, Node] = {}
        self._by_identity: dict[object, Node] = {}
        self._paths: dict[str, str] = {}  # a name by which a known inode was found again -> that path
        self._closed = 0
        self._known(root, root.path)

    @property
    def loader(self) -> Loader:
        """The loader whose rules are followed."""
        return next((each for each in self._search.loaders if each.found), self._search.loaders[-1])

    def start(self, preload: Sequence[str] = ()) -> None:
        """Do as execve(2) and the loader do: the interpreter, what is preloaded, then every need in turn."""
        root = self.nodes[0]
        if root.elf.interpreter is not None:
            self._start(root, root.elf.interpreter)
        for name in preload:
            self._need(root, name, "LD_PRELOAD")
        self._close()

    def load(self, by: Node, name: str, rule: str, *, optional: bool = False) -> Node | None:
        """Do as dlopen(3) called by one of the objects does; None for what is not found, missing unless `optional`."""
        found = self._need(by, name, rule, optional)
        self._close()
        return found

    def provider(self, name: str) -> Node | None:
        """The object that goes by this name, as DT_VERNEED names it."""
        return self._by_name.get(name)

    def _close(self) -> None:
        while self._closed < len(self.nodes):
            node = self.nodes[self._closed]
            self._closed += 1
            for name, rule in _needs(node.elf):
                self._need(node, name, rule)

    def _start(self, root: Node, path: str) -> None:
        """The loader is an object of the program too, known by its path and its soname."""
        found = self._linker.opened(path)
        if found is None:
            self.missing.append(Missing(path, root.path, "PT_INTERP", (path,), ""))
            return
        ground, opened = found
        if opened.elf is None:
            self.missing.append(Missing(path, root.path, "PT_INTERP", (path,), f"{path}: {opened.fault}"))
            return
        self.links.append(Link(root.path, path, "PT_INTERP", path, "its path"))
        self._take(Node(path, opened.elf, ground, opened.identity, root, "its path"), path)

    def _need(self, node: Node, name: str, rule: str, optional: bool = False) -> Node | None:
        known = self._by_name.get(name)
        if known is None:
            if self._search.kind == "musl" and _is_in_musl(name) and self._interpreter in self._by_name:
                known = self._by_name[self._interpreter]
            else:
                known = self._find(node, name, rule, optional)
        if known is not None:
            self.links.append(Link(node.path, name, rule, self._paths.get(name, known.path), known.how))
        return known

    def _find(self, node: Node, name: str, rule: str, optional: bool) -> Node | None:
        hit = self._search.find(name, node)
        if hit.place is None:
            if not optional and rule != "DT_AUXILIARY":  # the loader goes on without those
                self.missing.append(Missing(name, node.path, rule, hit.searched, hit.fault))
            return None
        place = hit.place
        known = self._by_identity.get(place.opened.identity)
        if known is not None:
            self._by_name[name], self._paths[name] = known, place.path
            return known
        assert place.opened.elf is not None  # noqa: S101  a search finds nothing else
        return self._take(
            Node(place.path, place.opened.elf, place.ground, place.opened.identity, node, place.how), name
        )

    def _take(self, node: Node, name: str) -> Node:
        self._search.entered(node)
        self.nodes.append(node)
        self._known(node, name)
        return node

    def _known(self, node: Node, name: str) -> None:
        self._by_name[name] = self._by_name[node.path] = node
        if node.elf.soname is not None and self._search.kind == "glibc":
            self._by_name.setdefault(node.elf.soname, node)
        self._by_identity[node.identity] = node


def _needs(elf: Elf) -> Iterator[tuple[str, str]]:
    for name in elf.needed:
        yield name, "DT_NEEDED"
    for name in elf.filters:
        yield name, "DT_FILTER"
    for name in elf.auxiliaries:
        yield name, "DT_AUXILIARY"


def _is_in_musl(name: str) -> bool:
    """Whether musl's loader answers for this library itself: ldso/dynlink.c, `reserved`."""
    return name.startswith("lib") and name[3:].partition(".")[0] in (
        "c",
        "pthread",
        "rt",
        "m",
        "dl",
        "util",
        "xnet",
    )

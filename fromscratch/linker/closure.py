"""What a program needs to start: its objects, as the loader would map them. Nothing is executed.

`elf/dl-deps.c` of GLIBC and `load_deps` of musl: breadth first over DT_NEEDED, each object once, by
the name it is asked for by, by its DT_SONAME, and by its inode. What several programs ask of one
root is answered once.
"""

from collections.abc import Sequence

from fromscratch.errors import UsageError
from fromscratch.formats.elf.headers import Elf
from fromscratch.linker.loader import Loader, loader, usual_interpreter
from fromscratch.linker.root import Ground, Opened
from fromscratch.linker.search import Hit, Node, Search
from fromscratch.named_tuple import NamedTuple


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
        self.twins: dict[tuple[int, tuple[str, ...]], Program] = {}  # by the rules and DT_NEEDED, as they started

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
        made = Program(self, Node(path, elf, ground, opened.identity, "asked for", is_root=True))
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
    that were met and those that were not. `twin` is a program that needs the same and got the same objects, if one
    was met before: most programs need what some other one does.
    """

    def __init__(self, linker: Linker, root: Node) -> None:
        self._linker = linker
        self._search, self._interpreter = linker.search(root.elf)
        self.nodes = [self._search.entered(root)]
        self._needs: list[tuple[Node, str, str, Node, str]] = []  # as `links` has them
        self._links: list[Link] = []
        self.missing: list[Missing] = []
        self._by_name: dict[str, Node] = {}
        self._by_identity: dict[object, Node] = {}
        self._paths: dict[str, str] = {}  # a name by which a known inode was found again -> that path
        self._closed = 0
        self.twin: Program | None = None
        self._known(root, root.path)

    @property
    def loader(self) -> Loader:
        """The loader whose rules are followed."""
        return next((each for each in self._search.loaders if each.found), self._search.loaders[-1])

    @property
    def links(self) -> list[Link]:
        """Made when somebody asks: most programs are only asked for their objects."""
        for by, name, rule, node, path in self._needs[len(self._links) :]:
            self._links.append(Link(by.path, name, rule, path, node.how))
        return self._links

    def start(self, preload: Sequence[str] = ()) -> None:
        """Do as execve(2) and the loader do: the interpreter, what is preloaded, then every need in turn."""
        root = self.nodes[0]
        elf = root.elf
        alike = root.plain and not (
            preload or elf.filters or elf.auxiliaries or elf.soname or "$" in "".join(elf.needed)
        )
        twin = self._linker.twins.get((id(self._search), elf.needed)) if alike else None
        if twin is not None and root.identity not in twin._by_identity:
            self._take_after(twin)
            return
        if elf.interpreter is not None:
            self._start(root, elf.interpreter)
        asking = root
        if self._search.kind == "musl":  # it searches for these as if nobody had asked
            asking = Node(root.path, elf, root.ground, root.identity, root.how, is_root=True)
        for name in preload:
            self._need(asking, name, "LD_PRELOAD")
        self._close()
        if alike and not self.missing and not any(found is root for _, _, _, found, _ in self._needs):
            self._linker.twins[id(self._search), elf.needed] = self._snapshot()

    def _snapshot(self) -> "Program":
        """The program as it is now, which what is loaded later does not change."""
        kept = object.__new__(Program)
        vars(kept).update(vars(self))
        kept.nodes, kept._needs = list(self.nodes), list(self._needs)
        kept._by_name, kept._by_identity, kept._paths = dict(self._by_name), dict(self._by_identity), dict(self._paths)
        return kept

    def _take_after(self, twin: "Program") -> None:
        """Have what the twin had when it had started, in place of its root the own."""
        root, other = self.nodes[0], twin.nodes[0]
        self.twin = twin
        self.nodes += twin.nodes[1:]
        self._closed = len(self.nodes)
        self._needs = [(root if by is other else by, *rest) for by, *rest in twin._needs]  # type: ignore[misc]
        self._by_name = {name: node for name, node in twin._by_name.items() if node is not other} | self._by_name
        self._by_identity = twin._by_identity | self._by_identity
        self._paths = dict(twin._paths)

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
            for name in node.elf.needed:
                self._need(node, name, "DT_NEEDED")
            if node.elf.filters or node.elf.auxiliaries:
                self._filter(node)

    def _filter(self, node: Node) -> None:
        """What stands before an object in the search order: its own needs come before those of all others."""
        if self._search.kind == "musl":
            return  # its loader knows nothing of them
        before = self._closed
        for rule, names in (("DT_FILTER", node.elf.filters), ("DT_AUXILIARY", node.elf.auxiliaries)):
            for name in names:
                found = self._need(node, name, rule, rule == "DT_AUXILIARY")
                if found is not None and found in self.nodes[before:]:
                    self.nodes.remove(found)
                    self.nodes.insert(before, found)
                    before += 1

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
        loader = self._search.entered(Node(path, opened.elf, ground, opened.identity, "its path"))
        self.nodes.append(loader)
        self._known(loader, path)
        self._needs.append((root, path, "PT_INTERP", loader, path))

    def _need(self, node: Node, name: str, rule: str, optional: bool = False) -> Node | None:
        full = self._search.named(name, node) if "$" in name else name
        known = None if full is None else self._by_name.get(full)
        if known is None:
            if self._search.kind == "musl" and _is_in_musl(name) and self._interpreter in self._by_name:
                known = self._by_name[self._interpreter]
            else:
                known = self._find(node, name, full, rule, optional)
                if known is None:
                    return None
        self._needs.append((node, name, rule, known, self._paths.get(full or name, known.path)))
        return known

    def _find(self, node: Node, name: str, full: str | None, rule: str, optional: bool) -> Node | None:
        hit = _WITHOUT_VALUE if full is None else self._search.find(full, node)
        found = hit.node
        if found is None or full is None:
            if not optional:
                self.missing.append(Missing(name, node.path, rule, hit.searched, hit.fault))
            return None
        known = self._by_identity.get(found.identity)
        if known is None:
            self.nodes.append(found)
            self._known(found, full)
            return found
        self._paths[full] = found.path
        if self._search.kind == "glibc":
            self._by_name[full] = known
        elif "/" not in full:  # musl knows an object by one name, which need not be this one
            self._by_name.setdefault(known.path.rpartition("/")[2], known)
        return known

    def _known(self, node: Node, name: str) -> None:
        self._by_name[name] = self._by_name[node.path] = node
        if node.elf.soname is not None and self._search.kind == "glibc":
            self._by_name.setdefault(node.elf.soname, node)
        self._by_identity[node.identity] = node


_WITHOUT_VALUE = Hit(None, (), "a token in it has no value on this architecture")
_IN_MUSL = tuple(f"lib{each}." for each in ("c", "pthread", "rt", "m", "dl", "util", "xnet"))


def _is_in_musl(name: str) -> bool:
    """Whether musl's loader answers for this library itself: ldso/dynlink.c, `reserved`."""
    return name.startswith(_IN_MUSL)

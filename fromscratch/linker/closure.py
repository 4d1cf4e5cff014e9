"""The closure of a program: the objects that the loader would map to start it. Nothing is executed.

Follows `elf/dl-deps.c` of GLIBC and `load_deps` of musl: breadth first over DT_NEEDED, each object once, known by the
name by which it is needed, by its DT_SONAME, and by its inode. Several programs of one root share their look-ups.
"""

from collections.abc import Sequence

from fromscratch.errors import UsageError
from fromscratch.formats.elf.headers import Elf
from fromscratch.linker.loader import Loader, read_loader, usual_interpreter
from fromscratch.linker.root import Root, RootFile
from fromscratch.linker.search import Node, Search, SearchResult
from fromscratch.named_tuple import NamedTuple


class Link(NamedTuple):
    """A need that was resolved: the object `by` needs `name`, which `rule` says (such as DT_NEEDED).

    `to` is the path of the object that it gets, spelled as the loader found it, by the search rule `found_by`.
    """

    by: str
    name: str
    rule: str
    to: str
    found_by: str


class Missing(NamedTuple):
    """A need that was not resolved. `fault` is what ended the search early, or empty."""

    name: str
    by: str
    rule: str
    searched: tuple[str, ...]
    fault: str


class Linker:
    """The loader model over one root, or over several of which the first has precedence.

    `library_path` is LD_LIBRARY_PATH, and `preload` names objects as LD_PRELOAD and /etc/ld.so.preload do.
    A root without an ld.so.cache is searched as if ldconfig had run in it; with `cache_only`, as its loader would.
    """

    def __init__(
        self,
        roots: Sequence[Root],
        *,
        library_path: Sequence[str] = (),
        preload: Sequence[str] = (),
        cache_only: bool = False,
    ) -> None:
        self.roots, self._cache_only = tuple(roots), cache_only
        self._library_path, self._preload = tuple(library_path), tuple(preload)
        self._searches: dict[tuple[object, ...], Search] = {}
        self.twins: dict[
            tuple[int, tuple[str, ...]], Program
        ] = {}  # by their rules and DT_NEEDED, as they were at the start

    def file(self, path: str) -> tuple[Root, RootFile] | None:
        """The file that a path leads to, in the first root that has it."""
        for root in self.roots:
            found = root.file(path)
            if found is not None:
                return root, found
        return None

    def program(self, path: str) -> "Program":
        """The closure of one ELF file, a program or a library.

        Raises UsageError for a file that does not exist or is not a whole ELF file.
        """
        found = self.file(path)
        if found is None:
            raise UsageError(f"there is no file {path}", "see whether the path is right")
        root, file = found
        elf = file.elf
        if elf is None:
            raise UsageError(f"{path}: {file.fault}", "name a program or a shared library")
        program = Program(self, Node(path, elf, root, file.identity, "asked for", is_main=True))
        if not elf.is_static and (elf.dynamic or elf.interpreter):
            program.resolve(self._preload)
        return program

    def search(self, elf: Elf) -> tuple[Search, str | None]:
        """The search rules for programs like this one, and the path of their loader, if one is named or usual."""
        path = elf.interpreter
        if path is None:
            usual = (usual_interpreter(root, elf) for root in self.roots)
            path = next((each for each in usual if each), None)
        key = (path, elf.bits, elf.big_endian, elf.machine, elf.flags)
        known = self._searches.get(key)
        if known is None:
            each = [read_loader(root, path or "", elf) for root in self.roots]
            # A root without a loader of its own is searched by the rules of the one that will start it.
            there = next((one for one in each if one.found), each[-1])
            loaders = tuple(one if one.found else there for one in each)
            known = self._searches[key] = Search(self.roots, loaders, elf, self._library_path, self._cache_only)
        return known, path


class Program:
    """One program as its loader would map it.

    `nodes` are its objects in the order of loading, the program itself first; `links` and `missing` are the needs
    that were resolved and those that were not. `twin` is an earlier program with the same needs, whose objects this
    one shares: most programs of a root need the same as another one.
    """

    def __init__(self, linker: Linker, main: Node) -> None:
        self._linker = linker
        self._search, self._interpreter = linker.search(main.elf)
        self.nodes = [self._search.add_search_paths(main)]
        self._needs: list[tuple[Node, str, str, Node, str]] = []  # as `links` has them
        self._links: list[Link] = []
        self.missing: list[Missing] = []
        self._by_name: dict[str, Node] = {}
        self._by_identity: dict[object, Node] = {}
        self._paths: dict[str, str] = {}  # a name by which a known inode was found again -> that path
        self._resolved = 0
        self.twin: Program | None = None
        self._register(main, main.path)

    @property
    def loader(self) -> Loader:
        """The loader whose rules are followed."""
        return next((each for each in self._search.loaders if each.found), self._search.loaders[-1])

    @property
    def links(self) -> list[Link]:
        """The needs that were resolved. They are made on demand: most callers use the objects only."""
        for by, name, rule, node, path in self._needs[len(self._links) :]:
            self._links.append(Link(by.path, name, rule, path, node.found_by))
        return self._links

    def resolve(self, preload: Sequence[str] = ()) -> None:
        """Load what execve(2) and the loader do: the interpreter, the preloaded objects, then every need in turn."""
        main = self.nodes[0]
        elf = main.elf
        shareable = main.default_search and not (
            preload or elf.filters or elf.auxiliaries or elf.soname or "$" in "".join(elf.needed)
        )
        twin = self._linker.twins.get((id(self._search), elf.needed)) if shareable else None
        if twin is not None and main.identity not in twin._by_identity:
            self._share_closure_of(twin)
            return
        if elf.interpreter is not None:
            self._load_interpreter(main, elf.interpreter)
        requester = main
        if self._search.kind == "musl":  # its search for these inherits no search path
            requester = Node(main.path, elf, main.root, main.identity, main.found_by, is_main=True)
        for name in preload:
            self._resolve_need(requester, name, "LD_PRELOAD")
        self._resolve_pending()
        if shareable and not self.missing and not any(found is main for _, _, _, found, _ in self._needs):
            self._linker.twins[id(self._search), elf.needed] = self._copy()

    def _copy(self) -> "Program":
        """A copy of the program, which later calls of `load` do not change."""
        copied = object.__new__(Program)
        vars(copied).update(vars(self))
        copied.nodes, copied._needs = list(self.nodes), list(self._needs)
        copied._by_name, copied._by_identity, copied._paths = (
            dict(self._by_name),
            dict(self._by_identity),
            dict(self._paths),
        )
        return copied

    def _share_closure_of(self, twin: "Program") -> None:
        """Take over the objects and links of a twin, with this program in place of its own."""
        main, other = self.nodes[0], twin.nodes[0]
        self.twin = twin
        self.nodes += twin.nodes[1:]
        self._resolved = len(self.nodes)
        self._needs = [(main if by is other else by, *rest) for by, *rest in twin._needs]  # type: ignore[misc]
        self._by_name = {name: node for name, node in twin._by_name.items() if node is not other} | self._by_name
        self._by_identity = twin._by_identity | self._by_identity
        self._paths = dict(twin._paths)

    def load(self, by: Node, name: str, rule: str, *, optional: bool = False) -> Node | None:
        """Load as dlopen(3) called by an object would; None if it is not found, and then missing unless `optional`."""
        found = self._resolve_need(by, name, rule, optional)
        self._resolve_pending()
        return found

    def provider(self, name: str) -> Node | None:
        """The loaded object of this name, which DT_VERNEED uses."""
        return self._by_name.get(name)

    def _resolve_pending(self) -> None:
        while self._resolved < len(self.nodes):
            node = self.nodes[self._resolved]
            self._resolved += 1
            for name in node.elf.needed:
                self._resolve_need(node, name, "DT_NEEDED")
            if node.elf.filters or node.elf.auxiliaries:
                self._filter(node)

    def _filter(self, node: Node) -> None:
        """Load the filters of an object, which come before it in the search order."""
        if self._search.kind == "musl":
            return  # it ignores filters
        before = self._resolved
        for rule, names in (("DT_FILTER", node.elf.filters), ("DT_AUXILIARY", node.elf.auxiliaries)):
            for name in names:
                found = self._resolve_need(node, name, rule, rule == "DT_AUXILIARY")
                if found is not None and found in self.nodes[before:]:
                    self.nodes.remove(found)
                    self.nodes.insert(before, found)
                    before += 1

    def _load_interpreter(self, main: Node, path: str) -> None:
        """Add the loader, which is an object of the program too, known by its path and its soname."""
        found = self._linker.file(path)
        if found is None:
            self.missing.append(Missing(path, main.path, "PT_INTERP", (path,), ""))
            return
        root, file = found
        if file.elf is None:
            self.missing.append(Missing(path, main.path, "PT_INTERP", (path,), f"{path}: {file.fault}"))
            return
        loader = self._search.add_search_paths(Node(path, file.elf, root, file.identity, "its path"))
        self.nodes.append(loader)
        self._register(loader, path)
        self._needs.append((main, path, "PT_INTERP", loader, path))

    def _resolve_need(self, node: Node, name: str, rule: str, optional: bool = False) -> Node | None:
        full = self._search.expand_tokens(name, node) if "$" in name else name
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
        result = _WITHOUT_VALUE if full is None else self._search.find(full, node)
        found = result.node
        if found is None or full is None:
            if not optional:
                self.missing.append(Missing(name, node.path, rule, result.searched, result.fault))
            return None
        known = self._by_identity.get(found.identity)
        if known is None:
            self.nodes.append(found)
            self._register(found, full)
            return found
        self._paths[full] = found.path
        if self._search.kind == "glibc":
            self._by_name[full] = known
        elif "/" not in full:  # musl knows an object by one name, which may be another
            self._by_name.setdefault(known.path.rpartition("/")[2], known)
        return known

    def _register(self, node: Node, name: str) -> None:
        self._by_name[name] = self._by_name[node.path] = node
        if node.elf.soname is not None and self._search.kind == "glibc":
            self._by_name.setdefault(node.elf.soname, node)
        self._by_identity[node.identity] = node


_WITHOUT_VALUE = SearchResult(None, (), "a token in it has no value on this architecture")
_IN_MUSL = tuple(f"lib{each}." for each in ("c", "pthread", "rt", "m", "dl", "util", "xnet"))


def _is_in_musl(name: str) -> bool:
    """Whether musl's loader answers for this library itself: ldso/dynlink.c, `reserved`."""
    return name.startswith(_IN_MUSL)

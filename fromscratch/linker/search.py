"""The search of a loader for an object, in the order of ld.so(8) and elf/dl-load.c of GLIBC.

1. DT_RPATH of the object that needs it, then of the object that loaded that one, up to the program; only if the
   object that needs it has no DT_RUNPATH (an object with both has no DT_RPATH);
2. LD_LIBRARY_PATH;
3. DT_RUNPATH of the object that needs it, for its own needs alone;
4. /etc/ld.so.cache; in a root that has none yet, the directories of /etc/ld.so.conf that ldconfig would scan;
5. the directories that are built into the loader.

In each folder of 1, 2, 3 and 5 GLIBC before 2.37 first looks into `tls` and its like, which no processor lacks.
Libraries for newer processors, in glibc-hwcaps, are left to a finder, but for those that have no other: then the one
for the most processors is taken.
An object with DF_1_NODEFLIB gets nothing from those of 5, nor from below them by 4.
musl searches LD_LIBRARY_PATH first. It has one search path per object (DT_RUNPATH before DT_RPATH), which the objects
that it loads inherit, it has no cache, and it takes the first file of that name whatever is in it (ldso/dynlink.c,
`load_library`).
"""

from collections.abc import Iterator

from fromscratch.errors import ImageError
from fromscratch.formats.elf.headers import DF_1_NODEFLIB, DF_1_PIE, ET_DYN, Elf
from fromscratch.formats.elf.platform import EM_PPC64, EM_S390, EM_X86_64, platform_word, same_abi
from fromscratch.formats.ldso import cache as ldcache
from fromscratch.formats.ldso.cache_abi import flags_of
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.candidates import HEADER, is_passed_over
from fromscratch.linker.ld_so_cache import CACHE, read_cache
from fromscratch.linker.loader import Loader
from fromscratch.linker.root import Root
from fromscratch.named_tuple import NamedTuple


class Node:
    """One object of a running program: its path as it was found, and `found_by`, the search rule, as `why` prints it.

    `inherited` and `runpath` are the folders of its search paths, each with its rule; `Search.add_search_paths` fills
    them in. `default_search` is True without either and without DF_1_NODEFLIB: then what its needs resolve to does
    not depend on the object. `is_main` is True for the program itself.
    """

    __slots__ = ("default_search", "elf", "found_by", "identity", "inherited", "is_main", "path", "root", "runpath")

    def __init__(
        self, path: str, elf: Elf, root: Root, identity: object, found_by: str, *, is_main: bool = False
    ) -> None:
        self.path, self.elf, self.root, self.identity, self.found_by = path, elf, root, identity, found_by
        self.is_main, self.default_search = is_main, True
        self.inherited: tuple[tuple[str, str], ...] = ()
        self.runpath: tuple[tuple[str, str], ...] = ()


class SearchResult(NamedTuple):
    """The result of a search. `node` is None where it failed; `fault` is what ended it early, or empty."""

    node: Node | None
    searched: tuple[str, ...] = ()
    fault: str = ""


class Search:
    """The rules of one loader over one or several roots, for the programs of one ABI.

    Each root is searched by all rules before the next one is.
    """

    def __init__(
        self,
        roots: tuple[Root, ...],
        loaders: tuple[Loader, ...],
        like: Elf,
        library_path: tuple[str, ...] = (),
        cache_only: bool = False,
    ) -> None:
        self.roots, self.loaders, self.like, self.library_path = roots, loaders, like, library_path
        self._default_results: dict[str, SearchResult] = {}
        self._word, self._flags = platform_word(like), flags_of(like)
        self._caches = [read_cache(root) for root in roots]
        # A root without an ld.so.conf of its own (a staged install tree) is searched by that of the root below it.
        needs_conf = [self._caches[number] is None and not cache_only for number in range(len(roots))]
        self._conf = [
            (_configured(root, root) or _configured(roots[-1], root) or _usual(roots, root)) if is_needed else ()
            for root, is_needed in zip(roots, needs_conf, strict=True)
        ]

    @property
    def kind(self) -> str:
        return self.loaders[0].kind

    def add_search_paths(self, node: Node, above: tuple[tuple[str, str], ...] = ()) -> Node:
        """Fill in the search paths of a node; `above` are those that it inherits. Returns the node."""
        elf = node.elf
        node.inherited = above
        if self.kind == "musl":
            loader = self.expand_path(elf.runpath if elf.runpath is not None else elf.rpath or "", node)
            node.inherited = (*((each, f"search path of {node.path}") for each in loader), *above)
        elif elf.runpath is not None:
            node.runpath = tuple((each, f"DT_RUNPATH of {node.path}") for each in self.expand_path(elf.runpath, node))
        elif elf.rpath is not None:
            loader = self.expand_path(elf.rpath, node)
            node.inherited = (*((each, f"DT_RPATH of {node.path}") for each in loader), *above)
        node.default_search = not (node.inherited or node.runpath or elf.flags_1 & DF_1_NODEFLIB)
        return node

    def expand_path(self, text: str, node: Node) -> list[str]:
        """The folders of a search path, its tokens expanded. Relative ones stay, to be reported; none is searched."""
        if self.kind == "musl":
            return [each.rstrip("/") or "/" for each in self._musl_path(text, node) if each]
        found = []
        for each in text.split(":"):
            full = self.expand_tokens(each, node) if "$" in each else each
            if full:
                found.append(full.rstrip("/") or "/")
        return found

    def _musl_path(self, text: str, node: Node) -> list[str]:
        """musl expands $ORIGIN alone, whatever letters follow it, and drops a whole path with any other token."""
        place = origin(node).rstrip("/")
        expanded = _ORIGIN.sub(lambda token: place, text)
        return [] if text.count("$") != len(_ORIGIN.findall(text)) else expanded.replace("\n", ":").split(":")

    def expand_tokens(self, text: str, node: Node) -> str | None:
        """`text` with $ORIGIN, $LIB and $PLATFORM replaced, with or without braces; None where one has no value.

        musl's loader expands nothing in the name of a library.
        """
        if self.kind == "musl" or "$" not in text:
            return text
        values = {"ORIGIN": origin(node), "LIB": self.loaders[0].lib, "PLATFORM": self._word}
        if any(values[each[1] or each[2]] is None for each in _TOKEN.finditer(text)):
            return None
        return _TOKEN.sub(lambda token: values[token[1] or token[2]] or "", text)

    def find(self, name: str, node: Node) -> SearchResult:
        """The file that the loader takes for `name`, needed by `node`. Tokens in the name are expanded already."""
        if "/" in name:
            return self._find_by_path(name, node)
        if not node.default_search:
            return self._search(name, node)
        known = self._default_results.get(name)
        if known is None:
            known = self._default_results[name] = self._search(name, node)
        return known

    def _find_by_path(self, name: str, node: Node) -> SearchResult:
        if not name.startswith("/"):
            return SearchResult(None, (), f"{name} is relative to wherever the program is started")
        for root in self.roots:
            result = self._accept(name, root, "its path", node)
            if result:
                return result
        return SearchResult(None, (name,))

    def _search(self, name: str, node: Node) -> SearchResult:
        looked: dict[str, None] = {}
        for number in range(len(self.roots)):
            ended = ""  # the rule whose remaining directories the loader skips
            for directory, found_by in self._order(node, number):
                looked[directory] = None
                if found_by == ended or (found_by is not _CACHED and not directory.startswith("/")):
                    continue
                if found_by is _CACHED:
                    result = self._in_cache(name, number, node)
                else:
                    result = self._in_directory(name, directory, number, found_by, node)
                    if result and result.fault == _SYMLINK_LOOP and self.kind == "glibc":
                        ended, result = found_by, None
                if result:
                    return result
        return self._for_newer_processors(name, node) or SearchResult(None, tuple(looked))

    def _in_directory(self, name: str, directory: str, number: int, found_by: str, node: Node) -> SearchResult | None:
        """The file of this name in a directory, or in one of those below it that the loader looks into first."""
        root = self.roots[number]
        for below in self.loaders[number].subdirectories:
            if below.partition("/")[0] in root.names(directory) and name in root.names(f"{directory}/{below}"):
                path = f"{directory.rstrip('/')}/{below}/{name}"
                result = self._accept(path, root, found_by, node) or self._blocking_entry(path, root)
                if result:
                    return result
        if name not in root.names(directory):
            return None
        path = f"{directory.rstrip('/')}/{name}"
        return self._accept(path, root, found_by, node) or self._blocking_entry(path, root)

    def _for_newer_processors(self, name: str, node: Node) -> SearchResult | None:
        """A library that is there for newer processors alone: the loader takes it where one of them runs it."""
        levels = _LEVELS.get(self.like.machine, ()) if self.kind == "glibc" else ()
        for number, root in enumerate(self.roots):
            for directory, found_by in self._order(node, number) if levels else ():
                if found_by is _CACHED or "glibc-hwcaps" not in root.names(directory):
                    continue
                for level in levels:
                    folder = f"{directory.rstrip('/')}/glibc-hwcaps/{level}"
                    result = self._accept(f"{folder}/{name}", root, f"{found_by}, for {level}", node)
                    if result:
                        return result
        return None

    def _order(self, node: Node, number: int) -> Iterator[tuple[str, str]]:
        """The directories to look into for what `node` needs, each with the rule that leads there."""
        loader = self.loaders[number]
        if self.kind == "musl":
            yield from ((each, "LD_LIBRARY_PATH") for each in self.library_path)
            yield from node.inherited
            yield from ((each, _DEFAULT) for each in loader.directories)
            return
        if node.elf.runpath is None:
            yield from node.inherited
        yield from ((each, "LD_LIBRARY_PATH") for each in self.library_path)
        yield from node.runpath
        no_default = node.elf.flags_1 & DF_1_NODEFLIB
        if self._caches[number] is not None:
            yield CACHE, _CACHED
        else:
            for each in self._conf[number]:
                if not (no_default and _is_below(each, loader.directories)):
                    yield each, "ld.so.conf"
        if not no_default:
            yield from ((each, _DEFAULT) for each in loader.directories)

    def _in_cache(self, name: str, number: int, node: Node) -> SearchResult | None:
        """The cache's entry for any processor; one for newer processors only if it has no other."""
        known = self._caches[number]
        if known is None or self._flags is None:
            return None
        answer = ldcache.lookup(known, name, self._flags)
        no_default = node.elf.flags_1 & DF_1_NODEFLIB
        for path in (answer.baseline, *(entry.path for entry in answer.variants)):
            if path and no_default and _is_below(path, self.loaders[number].directories):
                continue
            result = self._accept(path, self.roots[number], _CACHED, node) if path else None
            if result:
                return result
        return None

    def _accept(self, path: str, root: Root, found_by: str, by: Node) -> SearchResult | None:
        """The file at `path`, if the loader would take it or stop at it; None where it would go on."""
        file = root.file(path)
        if file is None:
            return None
        elf = file.elf
        if elf is None:
            if self.kind == "glibc" and self._is_passed_over(path, root):
                return None
            return SearchResult(None, (path,), f"{path}: {file.fault}; the search ends there")
        if same_abi(self.like, elf):
            if self.kind == "glibc" and (elf.type != ET_DYN or elf.flags_1 & DF_1_PIE):
                return SearchResult(None, (path,), f"{path} is not a library; the loader stops at it")
            found = Node(path, elf, root, file.identity, found_by)
            return SearchResult(self.add_search_paths(found, by.inherited))
        if self.kind == "musl":
            return SearchResult(None, (path,), f"{path} is for another architecture; musl's loader stops at it")
        if same_abi(self.like, elf._replace(os_abi=self.like.os_abi)):
            return SearchResult(None, (path,), f"{path} is for another operating system; the loader stops at it")
        return None

    def _is_passed_over(self, path: str, root: Root) -> bool:
        """Whether the loader goes on behind a damaged file, since it is for another class or machine anyway."""
        try:
            with root.reading(path) as read:
                return is_passed_over(read(0, HEADER[self.like.bits]), self.like)
        except ImageError:
            return False  # it cannot be read, by the loader neither

    def _blocking_entry(self, path: str, root: Root) -> SearchResult | None:
        """Why the loader stops at a name that is in a directory but is not a file; None where it goes on."""
        if root.file(path) is not None:
            return None  # of another class or machine: the loader passes over it
        from fromscratch.model import view as views
        from fromscratch.model.entry import Directory

        if isinstance(views.look(root.view, path), Directory):
            return SearchResult(None, (path,), f"{path} is a directory; the loader stops at it")
        return SearchResult(None, (path,), _SYMLINK_LOOP) if views.is_circular(root.view, path) else None


_SYMLINK_LOOP = "its symlink leads back to itself; the loader stops at it"
# The subdirectories of glibc-hwcaps, the lowest first: it runs on the most processors (manual, "Dynamic Linker").
_LEVELS = {
    EM_X86_64: ("x86-64-v2", "x86-64-v3", "x86-64-v4"),
    EM_PPC64: ("power9", "power10"),
    EM_S390: ("z13", "z14", "z15", "z16"),
}
_CACHED, _DEFAULT = "ld.so.cache", "a directory of the loader"
_TOKEN = lazy_regex(r"\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))")
_ORIGIN = lazy_regex(r"\$(?:ORIGIN|\{ORIGIN\})")


def _is_below(path: str, directories: tuple[str, ...]) -> bool:
    return f"{path}/".startswith(tuple(f"{each}/" for each in directories))


def origin(node: Node) -> str:
    """The value of $ORIGIN: for the program the folder of its real path, for a library that of the path as found."""
    path = (node.root.place(node.path) if node.is_main else None) or node.path
    return path.rpartition("/")[0] or "/"


def _configured(root: Root, within: Root) -> tuple[str, ...]:
    from fromscratch.linker.ld_so_conf import conf_directories

    return conf_directories(root.view, within=within.view)


def _usual(roots: tuple[Root, ...], within: Root) -> tuple[str, ...]:
    from fromscratch.linker.ld_so_conf import usual_directories

    return () if within is roots[-1] else usual_directories(within.view, roots[-1].view)

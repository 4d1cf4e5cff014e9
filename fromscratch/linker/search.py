"""Where an object is looked for, in the order in which a loader looks: ld.so(8), and elf/dl-load.c of GLIBC.

1. DT_RPATH of the object that asks, then of whoever loaded that, up to the program; all of it only
   if the object that asks has no DT_RUNPATH (an object with both has no DT_RPATH);
2. LD_LIBRARY_PATH;
3. DT_RUNPATH of the object that asks, for its own needs alone;
4. /etc/ld.so.cache, or where a root has none yet, the directories of /etc/ld.so.conf that it will be made of;
5. the directories of the loader itself.

For an object with DF_1_NODEFLIB nothing is taken from those directories, nor by 4 from below them.
musl looks into LD_LIBRARY_PATH first, knows one search path an object (DT_RUNPATH before DT_RPATH), which
whatever it loads inherits, has no cache, and takes the first file of the name whatever it is
(ldso/dynlink.c, `load_library`).
"""

from collections.abc import Iterator

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DF_1_NODEFLIB, DF_1_PIE, ET_DYN, Elf
from fromscratch.formats.elf.platform import platform_word, same_abi
from fromscratch.formats.ldso import cache as ldcache
from fromscratch.formats.ldso.cache_abi import flags_of
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.loader import Loader
from fromscratch.linker.root import Ground, whole
from fromscratch.named_tuple import NamedTuple

CACHE = "/etc/ld.so.cache"
_MAX_CACHE = 16 << 20


class Node:
    """One object of a running program: its path as it was found, and `how`, the rule that led there, as `why` says it.

    `inherited` and `runpath` are the folders of its search paths, each with its rule; they are filled in by
    `Search.entered`. With neither, and no DF_1_NODEFLIB, it is `plain`: what it needs is found wherever it stands.
    """

    __slots__ = ("elf", "ground", "how", "identity", "inherited", "is_root", "path", "plain", "runpath")

    def __init__(
        self, path: str, elf: Elf, ground: Ground, identity: object, how: str, *, is_root: bool = False
    ) -> None:
        self.path, self.elf, self.ground, self.identity, self.how = path, elf, ground, identity, how
        self.is_root, self.plain = is_root, True
        self.inherited: tuple[tuple[str, str], ...] = ()
        self.runpath: tuple[tuple[str, str], ...] = ()


class Hit(NamedTuple):
    """What a search came to. `node` is None where it failed; `fault` says what stopped it, if something did."""

    node: Node | None
    searched: tuple[str, ...] = ()
    fault: str = ""


class Search:
    """The rules of one loader over one or several grounds, for the programs of one ABI.

    Grounds are searched one after the other, each by all rules: what the first has, the second is not asked for.
    """

    def __init__(
        self,
        grounds: tuple[Ground, ...],
        loaders: tuple[Loader, ...],
        like: Elf,
        library_path: tuple[str, ...] = (),
        by_cache_alone: bool = False,
    ) -> None:
        self.grounds, self.loaders, self.like, self.library_path = grounds, loaders, like, library_path
        self._plain: dict[str, Hit] = {}
        self._word, self._flags = platform_word(like), flags_of(like)
        self._caches = [_cache_of(ground) for ground in grounds]
        # A root that says nothing of its own (a staged install tree) is searched as the one below it would be.
        asked = [self._caches[number] is None and not by_cache_alone for number in range(len(grounds))]
        self._conf = [
            (_configured(ground, ground) or _configured(grounds[-1], ground)) if ask else ()
            for ground, ask in zip(grounds, asked, strict=True)
        ]

    @property
    def kind(self) -> str:
        return self.loaders[0].kind

    def entered(self, node: Node, above: tuple[tuple[str, str], ...] = ()) -> Node:
        """The node with its search paths; `above` is what whoever loaded it has inherited."""
        elf = node.elf
        node.inherited = above
        if self.kind == "musl":
            own = self.expanded(elf.runpath if elf.runpath is not None else elf.rpath or "", node)
            node.inherited = (*((each, f"search path of {node.path}") for each in own), *above)
        elif elf.runpath is not None:
            node.runpath = tuple((each, f"DT_RUNPATH of {node.path}") for each in self.expanded(elf.runpath, node))
        elif elf.rpath is not None:
            own = self.expanded(elf.rpath, node)
            node.inherited = (*((each, f"DT_RPATH of {node.path}") for each in own), *above)
        node.plain = not (node.inherited or node.runpath or elf.flags_1 & DF_1_NODEFLIB)
        return node

    def expanded(self, text: str, node: Node) -> list[str]:
        """A search path with its tokens replaced. Relative elements lead to wherever one stands: they are only told."""
        if self.kind == "musl":
            return [each.rstrip("/") or "/" for each in self._musl_path(text, node) if each]
        found = []
        for each in text.split(":"):
            full = self.named(each, node) if "$" in each else each
            if full:
                found.append(full.rstrip("/") or "/")
        return found

    def _musl_path(self, text: str, node: Node) -> list[str]:
        """It knows $ORIGIN alone, by its first letters, and drops a whole path with any other token."""
        place = origin(node).rstrip("/")
        whole = _ORIGIN.sub(lambda token: place, text)
        return [] if text.count("$") != len(_ORIGIN.findall(text)) else whole.replace("\n", ":").split(":")

    def named(self, text: str, node: Node) -> str | None:
        """$ORIGIN, $LIB and $PLATFORM replaced, with or without braces; None where one has no value.

        musl's loader replaces nothing in the name of a library.
        """
        if self.kind == "musl" or "$" not in text:
            return text
        values = {"ORIGIN": origin(node), "LIB": self.loaders[0].lib, "PLATFORM": self._word}
        if any(values[each[1] or each[2]] is None for each in _TOKEN.finditer(text)):
            return None
        return _TOKEN.sub(lambda token: values[token[1] or token[2]] or "", text)

    def find(self, name: str, node: Node) -> Hit:
        """The file that the loader takes for `name`, needed by `node`; a name as `named` gives it."""
        if "/" in name:
            return self._direct(name, node)
        if not node.plain:
            return self._searched(name, node)
        known = self._plain.get(name)
        if known is None:
            known = self._plain[name] = self._searched(name, node)
        return known

    def _direct(self, name: str, node: Node) -> Hit:
        if not name.startswith("/"):
            return Hit(None, (), f"{name} is relative to wherever the program is started")
        for ground in self.grounds:
            hit = self._accepted(name, ground, "its path", node)
            if hit:
                return hit
        return Hit(None, (name,))

    def _searched(self, name: str, node: Node) -> Hit:
        looked: dict[str, None] = {}
        for number, ground in enumerate(self.grounds):
            ended = ""  # a list of directories that the loader gave up
            for directory, how in self._order(node, number):
                looked[directory] = None
                if how == ended or (how is not _CACHED and not directory.startswith("/")):
                    continue
                if how is _CACHED:
                    hit = self._in_cache(name, number, node)
                elif name in ground.names(directory):
                    path = f"{directory.rstrip('/')}/{name}"
                    hit = self._accepted(path, ground, how, node) or self._stuck(path, ground)
                    if hit and hit.fault == _CIRCLE and self.kind == "glibc":
                        ended, hit = how, None
                else:
                    continue
                if hit:
                    return hit
        return Hit(None, tuple(looked))

    def _order(self, node: Node, number: int) -> Iterator[tuple[str, str]]:
        """The directories to look into for what `node` needs, each with the rule that leads there."""
        own = self.loaders[number]
        if self.kind == "musl":
            yield from ((each, "LD_LIBRARY_PATH") for each in self.library_path)
            yield from node.inherited
            yield from ((each, _DEFAULT) for each in own.directories)
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
                if not (no_default and _is_below(each, own.directories)):
                    yield each, "ld.so.conf"
        if not no_default:
            yield from ((each, _DEFAULT) for each in own.directories)

    def _in_cache(self, name: str, number: int, node: Node) -> Hit | None:
        """What the cache answers that any processor takes; what only some take, where there is nothing else."""
        known = self._caches[number]
        if known is None or self._flags is None:
            return None
        answer = ldcache.lookup(known, name, self._flags)
        no_default = node.elf.flags_1 & DF_1_NODEFLIB
        for path in (answer.baseline, *(entry.path for entry in answer.variants)):
            if path and no_default and _is_below(path, self.loaders[number].directories):
                continue
            hit = self._accepted(path, self.grounds[number], _CACHED, node) if path else None
            if hit:
                return hit
        return None

    def _accepted(self, path: str, ground: Ground, how: str, by: Node) -> Hit | None:
        """The file at `path`, if the loader would take it; None where it would go on looking."""
        opened = ground.opened(path)
        if opened is None:
            return None
        elf = opened.elf
        if elf is None:
            return Hit(None, (path,), f"{path}: {opened.fault}; the search ends there")
        if same_abi(self.like, elf):
            if self.kind == "glibc" and (elf.type != ET_DYN or elf.flags_1 & DF_1_PIE):
                return Hit(None, (path,), f"{path} is no library; the loader stops at it")
            found = Node(path, elf, ground, opened.identity, how)
            return Hit(self.entered(found, by.inherited))
        if self.kind == "musl":
            return Hit(None, (path,), f"{path} is for another architecture; musl's loader stops at it")
        if same_abi(self.like, elf._replace(os_abi=self.like.os_abi)):
            return Hit(None, (path,), f"{path} is for another operating system; the loader stops at it")
        return None

    def _stuck(self, path: str, ground: Ground) -> Hit | None:
        """What stops the loader at a name that is in the directory and is no file that it can read."""
        if ground.opened(path) is not None:
            return None  # a file that the loader passes over
        from fromscratch.model import view as views
        from fromscratch.model.entry import Directory

        if isinstance(views.look(ground.view, path), Directory):
            return Hit(None, (path,), f"{path} is a directory; the loader stops at it")
        return Hit(None, (path,), _CIRCLE) if views.is_circular(ground.view, path) else None


_CIRCLE = "its symlink leads back to itself; the loader stops at it"
_CACHED, _DEFAULT = "ld.so.cache", "a directory of the loader"
_TOKEN = lazy_regex(r"\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))")
_ORIGIN = lazy_regex(r"\$(?:ORIGIN|\{ORIGIN\})")


def _is_below(path: str, directories: tuple[str, ...]) -> bool:
    return f"{path}/".startswith(tuple(f"{each}/" for each in directories))


def origin(node: Node) -> str:
    """What $ORIGIN stands for: the folder of a program's real place, and of a library as it was found."""
    path = (node.ground.place(node.path) if node.is_root else None) or node.path
    return path.rpartition("/")[0] or "/"


def _cache_of(ground: Ground) -> ldcache.Cache | None:
    """The cache of a root; None if there is none that its loader could use."""
    data = whole(ground, CACHE, _MAX_CACHE)
    try:
        return None if data is None else ldcache.read(data)
    except FormatError:
        return None  # the loader does without a cache that it cannot read


def _configured(ground: Ground, within: Ground) -> tuple[str, ...]:
    from fromscratch.linker.conf import configured

    return configured(ground.view, within=within.view)

"""The programs of the packages of a tree: where they lie, and which of them are lesser scripts."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.scripts.shebang import PATH, Shebang, env_program, shebang
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.content import read
from fromscratch.model.entry import File, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode
from fromscratch.sources.debian.planning.plan import Plan

ELF = b"\x7fELF"
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", "games", "libexec"})
_UNIT_COMMAND = lazy_regex(r"^Exec(?:Start|StartPre|StartPost)=[-@:+!]*(/\S+)", re.MULTILINE)
# Wrappers of grep, diff, less and more, which serve those who have these; what rebuilds on a running system
# what a build makes; and what tells compilers where a library lies.
_BESIDE = lazy_regex(r"(bz|lz|lzma|xz|z|zst|zstd)([ef]?grep|cmp|diff|less|more|exe)|update-.*|.*-config")
_MAX_SCRIPT = 1 << 20


class PackagedTree:
    """A tree of the packages of a plan, asked for programs."""

    def __init__(self, tree: Rootfs, plan: Plan) -> None:
        self.tree, self.root = tree, TreeRoot(tree)
        self._packages = {one.shown: one.name for one in plan.packages}
        self._units: set[TreePath] = set()

    @cached_property
    def on_path(self) -> frozenset[TreePath]:
        """Where the programs that PATH leads to lie."""
        links = (paths.join(TreePath(folder), name) for folder in PATH for name in self.root.names(folder))
        return frozenset(TreePath(place) for place in map(self.root.place, links) if place is not None)

    @cached_property
    def programs(self) -> dict[str, list[TreePath]]:
        """The places of the programs of each package, and of what its units start."""
        found: dict[str, list[TreePath]] = {}
        for path, entry in self.tree.items():
            owner = self.owner(path)
            folder = paths.name(paths.parent(path))
            if not owner:
                continue
            if folder in _PROGRAM_FOLDERS and not _BESIDE.fullmatch(paths.name(path)):
                place = self.root.place(path) if isinstance(entry, Symlink) else path
                program = self.tree.find(place) if place is not None else None
                if place is not None and isinstance(program, File) and program.meta.mode & 0o111:
                    found.setdefault(owner, []).append(TreePath(place))
            elif path.endswith(".service") and folder == "system":
                found.setdefault(owner, []).extend(self._unit_programs(path))
        return found

    def ranks(self, programs: Sequence[TreePath], others: Sequence[TreePath] = ()) -> dict[TreePath, int]:
        """Which group of `Assumptions` each of these programs belongs to, that come together.

        `others` are programs of the same family, in packages that are brought along: python3 has scripts, and
        python3-minimal the interpreter.
        """
        has_binary = any(self.head(place).startswith(ELF) for place in (*programs, *others))
        has_path = any(place in self.on_path for place in programs)

        def rank(place: TreePath) -> int:
            if place in self._units:
                return 0
            if has_path and place not in self.on_path:
                return 2
            return 1 if has_binary and shebang(self.head(place)) else 0

        binaries = {place: 0 for place in others if self.head(place).startswith(ELF)}
        return binaries | {place: rank(place) for place in programs}

    def is_of_sh(self, script: TreePath) -> bool:
        """Whether a POSIX shell reads it."""
        line = shebang(self.head(script))
        return line is not None and interpreter_of(line) in ("sh", "dash")

    def is_script(self, place: TreePath) -> bool:
        entry = self.tree.find(place)
        return isinstance(entry, File) and bool(entry.meta.mode & 0o111) and shebang(self.head(place)) is not None

    def _unit_programs(self, unit: TreePath) -> Iterator[TreePath]:
        for path in _UNIT_COMMAND.findall(self.text(unit)):
            place = self.root.place(path)
            if place is not None:
                self._units.add(TreePath(place))
                yield TreePath(place)

    def owner(self, path: TreePath) -> str:
        """The package that ships a file."""
        for origin in self.tree[path].origins:
            for link in origin.chain():
                if link.reason == "shipped in":
                    return self._packages.get(link.detail, "")
        return ""

    def head(self, place: TreePath) -> bytes:
        entry = self.tree.find(place)
        if not isinstance(entry, File):
            return b""
        with entry.content.open() as stream:
            return stream.read(256)

    def text(self, place: TreePath) -> str:
        entry = self.tree.find(place)
        if not isinstance(entry, File) or entry.content.size > _MAX_SCRIPT:
            return ""
        return decode(read(entry.content))


def interpreter_of(line: Shebang) -> str:
    """The name of the program that reads a script in the end."""
    name = line.interpreter.rpartition("/")[2]
    if name == "env" and line.argument is not None:
        word, _ = env_program(line.argument, PATH)
        return (word or name).rpartition("/")[2]
    return name

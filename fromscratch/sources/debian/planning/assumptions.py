"""Which programs of Essential packages the packages of an image call, read from the files themselves.

It begins at the programs of the packages that were asked for, and goes on to what these start: the interpreters and
commands of scripts, the libraries of programs, and a shell where one of them calls system(3) or names its path.
"""

import re
from collections.abc import Collection
from functools import cached_property

from msgspec import Struct

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.elf.symbols import imported
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.scripts.shebang import PATH, shebang
from fromscratch.linker.beyond.scripts.shell import commands, is_built_in
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, encode
from fromscratch.sources.debian.planning import essential
from fromscratch.sources.debian.planning.packaged_programs import ELF, PackagedTree, interpreter_of
from fromscratch.sources.debian.planning.plan import Plan
from fromscratch.sources.debian.planning.selection import Assumption

_SHELLS = frozenset({"sh", "dash", "bash"})
_RUN_A_SHELL = frozenset({"system", "popen"})
_SHELL_PATH = lazy_regex(rb"/bin/(sh|bash|dash)(?![\w./-])")
# The first word of a string that is a command line with an option, a path or a value put in.
_SHELL_COMMAND = lazy_regex(rb"\0([a-z][a-z0-9]+) (?:-[a-zA-Z]|/|%s|'|\")")
_QUOTED_COMMAND = lazy_regex(r"""['"]([a-z][a-z0-9]+)(?:['"], *['"]| )-[a-zA-Z]""")
_MODULES = (("python", ".py"), ("perl", ".pm"), ("ruby", ".rb"))
_PROGRAM_PATH = lazy_regex(r"/(?:[\w.+-]+/)+[\w.+-]+")
_SOURCED = lazy_regex(r"[\w.+-]+\.sh\b")
# Configuration of the system, which names programs of many packages: of no use to a program in a container.
_SYSTEM_CONFIGURATION = lazy_regex(
    r"/etc/(init\.d|cron\.\w+|logrotate\.d|logcheck|apparmor\.d|profile\.d|bash_completion\.d|default|dpkg|apt|X11|xdg)/.*"
)
_MAX_PROGRAM = 256 << 20


class Assumptions(Struct, frozen=True):
    """The Essential packages that are called for and are not in the tree yet, each group sorted by name.

    What only lesser scripts call is apart: `beside` by those that a package has beside programs and that no unit
    starts, `inner` by what lies outside of PATH in a package with programs on PATH.
    """

    needed: tuple[Assumption, ...]
    beside: tuple[Assumption, ...]
    inner: tuple[Assumption, ...]

    def without(self, known: Collection[str]) -> "Assumptions":
        """Those of other packages than these."""
        groups = (self.needed, self.beside, self.inner)
        return Assumptions(*(tuple(one for one in group if one.name not in known) for group in groups))


def assumptions(tree: Rootfs, plan: Plan, asked: Collection[str]) -> Assumptions:
    """What the programs of the packages that were asked for call, and all that these start."""
    search = _Search(tree, plan)
    ranks: dict[TreePath, int] = {}
    for name in asked:
        programs = _programs_of(search, name)
        family = [one for one in search.needed_by.get(name, ()) if one.startswith(name)]
        parts = [place for one in family for place in search.packaged.programs.get(one, ())]
        for place, rank in search.packaged.ranks(programs, parts).items():
            ranks[place] = min(rank, ranks.get(place, rank))
    for place, rank in ranks.items():
        if rank and search.packaged.is_of_sh(place):
            search.start(place, "sh", "#!/bin/sh")
    for name in asked:
        search.reach_configured([name, *search.needed_by.get(name, ())])
        search.read_modules(name)
    groups = []
    known: set[str] = set()
    for group in range(3):
        for place, rank in ranks.items():
            if rank == group:
                search.reach(place)
        search.run()
        groups.append(tuple(search.found[name] for name in sorted(search.found.keys() - known)))
        known |= search.found.keys()
    return Assumptions(*groups)


def _programs_of(search: "_Search", asked: str) -> list[TreePath]:
    """The programs of a package; if it has none, those of the packages that it depends on."""
    programs: list[TreePath] = []
    pending, seen = [asked], {asked}
    while pending:
        name = pending.pop()
        programs += search.packaged.programs.get(name, [])
        if name not in search.packaged.programs:
            added = [one for one in search.needed_by.get(name, ()) if one not in seen]
            seen.update(added)
            pending += added
    return programs


class _Search:
    """What is reached from the programs of a tree, and the Essential packages that are missed on the way."""

    def __init__(self, tree: Rootfs, plan: Plan) -> None:
        self.tree, self.plan = tree, plan
        self.packaged = PackagedTree(tree, plan)
        self.root = self.packaged.root
        self.found: dict[str, Assumption] = {}
        self.there = {one.name for one in plan.packages if not one.part}
        self.needed_by: dict[str, list[str]] = {}
        for one in plan.packages:
            self.needed_by.setdefault(one.by, []).append(one.name)
        self._reached: set[TreePath] = set()
        self._pending: list[TreePath] = []

    def reach(self, path: str) -> bool:
        """Go on to the file that a path leads to. False if there is none."""
        place = self.root.place(path)
        if place is None:
            return False
        if TreePath(place) not in self._reached:
            self._reached.add(TreePath(place))
            self._pending.append(TreePath(place))
        return True

    def reach_configured(self, packages: Collection[str]) -> None:
        """Go on to the scripts that the configuration of these packages names by their paths."""
        for path, entry in self.tree.items():
            if not path.startswith("/etc/") or not isinstance(entry, File) or _SYSTEM_CONFIGURATION.fullmatch(path):
                continue
            if self.packaged.owner(path) not in packages:
                continue
            lines = [
                line for line in self.packaged.text(path).splitlines() if not line.lstrip().startswith(("#", ";", "//"))
            ]
            for word in _PROGRAM_PATH.findall("\n".join(lines)):
                place = self.root.place(word)
                if place is not None and self.packaged.is_script(TreePath(place)):
                    self.reach(place)

    def read_modules(self, package: str) -> None:
        """Go on to the commands that the modules of a package whose programs are scripts hand to a shell."""
        scripts = filter(
            None, (shebang(self.packaged.head(place)) for place in self.packaged.programs.get(package, ()))
        )
        languages = {interpreter_of(script).rstrip("0123456789.") for script in scripts}
        endings = tuple(ending for language, ending in _MODULES if language in languages)
        for path in self.tree if endings else ():
            if path.endswith(endings) and self.packaged.owner(path) == package:
                for word in sorted(set(_QUOTED_COMMAND.findall(self.packaged.text(path)))):
                    self.start(path, word, f"calls {word}")

    def _reach_named(self, place: TreePath, data: bytes, after: bytes) -> None:
        """Go on to the scripts beside a program that it names, in front of what matches `after`."""
        for script in self.packaged.programs.get(self.packaged.owner(place), []):
            if script not in self._reached and shebang(self.packaged.head(script)):
                name = re.escape(encode(paths.name(script)))
                if re.search(rb"[/\0]" + name + after, data):
                    self.reach(script)

    def run(self) -> None:
        while self._pending:
            place = self._pending.pop()
            if not isinstance(self.tree.find(place), File):
                continue
            head = self.packaged.head(place)
            if head.startswith(ELF):
                self._read_program(place)
            elif found := shebang(head):
                shown = f"#!{found.interpreter} {found.argument or ''}".strip()
                for command in dict.fromkeys([paths.name(TreePath(found.interpreter)), interpreter_of(found)]):
                    self.start(place, command, shown)
                self._read_script(place, interpreter_of(found))
            elif place.endswith(".sh"):
                self._read_script(place, "sh")

    def _read_script(self, place: TreePath, interpreter: str) -> None:
        if interpreter not in _SHELLS:
            return
        text = self.packaged.text(place)
        self._reach_named(place, encode(text), rb"(?![\w.-])")
        for word in commands(encode(text)):
            self.start(place, word, f"calls {word}")
        for path in _PROGRAM_PATH.findall(text):
            if not self.reach(path) and paths.name(TreePath(path)) in essential.PROVIDERS:
                self.start(place, path.rpartition("/")[2], f"calls {path}")
        for name in _SOURCED.findall(text):
            self.reach(f"{paths.parent(place)}/{name}")

    def start(self, place: TreePath, command: str, how: str) -> None:
        """Go on to a command, or miss it."""
        if not any(self.reach(f"{folder}/{command}") for folder in PATH) and command in essential.PROVIDERS:
            self._miss(essential.PROVIDERS[command], place, how)

    def _miss(self, name: str, place: TreePath, how: str) -> None:
        if name not in self.there and name not in self.found:
            self.found[name] = Assumption(name, f"{place} ({how}), as Essential", self.packaged.owner(place))

    def _read_program(self, place: TreePath) -> None:
        """A program or library: the libraries that it needs, and whether it starts a shell."""
        file = self.root.file(place)
        if file is None or file.elf is None:
            return
        for soname in file.elf.needed:
            for folder in self._library_folders:
                if self.reach(f"{folder}/{soname}"):
                    break
            for start, package in essential.DATA.items():
                if soname.startswith(start):
                    self._miss(package, place, soname)
        shell = self._shell_of(place)
        if shell:
            self.start(place, *shell)
        if file.elf.is_program and ".so" not in paths.name(place):
            self._read_strings(place, calls_shell=shell is not None and shell[1].endswith("(3)"))

    def _read_strings(self, place: TreePath, *, calls_shell: bool) -> None:
        """What the data of a program names: scripts beside it, and commands, if it hands any to system(3)."""
        entry = self.tree.find(place)
        if not isinstance(entry, File) or entry.content.size > _MAX_PROGRAM:
            return
        data = read(entry.content)
        self._reach_named(place, data, rb"\0")
        for word in sorted(set(_SHELL_COMMAND.findall(data))) if calls_shell else ():
            if not is_built_in(decode(word)):
                self.start(place, decode(word), f"calls {decode(word)} by system(3)")

    def _shell_of(self, place: TreePath) -> tuple[str, str] | None:
        """The shell that a program starts, and how that shows; libraries only name one for what others may ask."""
        file = self.root.file(place)
        entry = self.tree.find(place)
        if file is None or file.elf is None or not isinstance(entry, File):
            return None
        if paths.name(place).startswith("libc.so"):
            return None  # where system(3) itself is
        with self.root.reading(place) as at:
            try:
                called = sorted(imported(file.elf, at) & _RUN_A_SHELL)
            except FormatError:
                called = []
        if called:
            return "sh", f"{called[0]}(3)"
        if file.elf.is_program and entry.content.size <= _MAX_PROGRAM and ".so" not in paths.name(place):
            found = _SHELL_PATH.search(read(entry.content))
            return (decode(found[1]), f"{decode(found[0])} in it") if found else None
        return None

    @cached_property
    def _library_folders(self) -> list[TreePath]:
        """The folders that have libraries, those of the whole system first."""
        found = {paths.parent(path) for path in self.tree if ".so" in paths.name(path)}
        return sorted(found, key=lambda folder: (folder.count("/"), folder))

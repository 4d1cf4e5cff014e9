"""Modules of Python by their names: which file an import finds, and all that a program comes to import.

Follows the path based finder of CPython (Lib/importlib/_bootstrap_external.py, PEP 420 for packages
without `__init__`): in each folder of the path a package comes before a module, an extension before a
source, and a source before compiled code.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from fromscratch.errors import FormatError
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.python.imports import Import, Source, source
from fromscratch.model import view as views
from fromscratch.model.entry import Directory

_MAX_DEPTH = 64


class Module(NamedTuple):
    """`file` is the path as Python spells it, None for a package without one; `folders` those of a package."""

    name: str
    file: str | None
    folders: tuple[str, ...] = ()


class Reached(NamedTuple):
    """A module, and the first that imports it, under the name that it uses for it."""

    module: Module
    by: str
    name: str


class Lost(NamedTuple):
    """An import that finds nothing: `by` is the file that has it. `sure` as in `Import`."""

    name: str
    by: str
    sure: bool


class Broken(NamedTuple):
    """A source that cannot be read: what is wrong with it."""

    file: str
    fault: str


class Modules:
    """What is importable along one path. `version` is such as 3.11."""

    def __init__(self, scene: Scene, path: Sequence[str], version: str) -> None:
        self._scene, self.path = scene, tuple(path)
        tag = re.escape(version.replace(".", "").rstrip("t"))
        self._extension = re.compile(rf"(.+?)\.(?:cpython-{tag}[a-z]*(?:-[\w-]+)?\.so|abi3\.so|so)")
        self._folders: dict[str, Mapping[str, str]] = {}
        self._found: dict[str, Module | None] = {}

    def find(self, name: str) -> Module | None:
        """The module of this dotted name, if its package is there too."""
        if name not in self._found:
            above, _, last = name.rpartition(".")
            package = self.find(above) if above else None
            folders = package.folders if package else () if above else self.path
            self._found[name] = self._in(name, last, folders)
        return self._found[name]

    def is_made(self, name: str) -> bool:
        """Whether it would be a part of what is not a package: a module may well make such, as os makes os.path."""
        parts = name.split(".")
        above = [self.find(".".join(parts[:count])) for count in range(1, len(parts))]
        return any(found is not None and not found.folders for found in above)

    def children(self, folder: str) -> Mapping[str, str]:
        """The files of a folder that an import finds, by the names of the modules."""
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self._read(views.names(self._scene.view, folder))
        return known

    def _read(self, names: Iterable[str]) -> dict[str, str]:
        found: dict[tuple[str, int], str] = {}
        for name in names:
            if extension := self._extension.fullmatch(name):
                found[extension[1], name.count("cpython") == 0] = name
            elif name.endswith((".py", ".pyc")):
                stem, _, suffix = name.rpartition(".")
                found[stem, 2 + (suffix == "pyc")] = name
        return {stem: found[stem, rank] for stem, rank in sorted(found, key=lambda key: key[1], reverse=True)}

    def _in(self, name: str, last: str, folders: Sequence[str]) -> Module | None:
        portions = []
        for folder in folders:
            inside = f"{folder}/{last}"
            if first := self.children(inside).get("__init__"):
                return Module(name, f"{inside}/{first}", (inside,))
            if file := self.children(folder).get(last):
                return Module(name, f"{folder}/{file}")
            if isinstance(views.look(self._scene.view, inside), Directory):
                portions.append(inside)
        return Module(name, None, tuple(portions)) if portions else None


class Program(NamedTuple):
    """A source to begin with: its text, and the package that it is a module of (empty for none)."""

    file: str
    text: bytes
    package: str = ""
    main: bool = True


Follow = Callable[[Module, Import, str], bool]
"""Whether a module's import of the module of this absolute name is to be followed."""


class Closure:
    """All that programs come to import, each module once, in the order in which they are met."""

    def __init__(
        self,
        scene: Scene,
        modules: Modules,
        *,
        follow: Follow,
        hidden_imports: Callable[[Module, Source], Iterable[str]],
    ) -> None:
        """`hidden_imports` gives what a module imports without an import statement: in C, or by a computed name."""
        self._scene, self._modules, self._follow, self._hidden_imports = scene, modules, follow, hidden_imports
        self.reached: dict[str, Reached] = {}
        self.lost: dict[Lost, None] = {}
        self.broken: list[Broken] = []
        self._pending: list[tuple[Module, bytes | None, bool]] = []

    def add(self, names: Iterable[str], by: str) -> None:
        """Modules that are imported anyway, if they are there."""
        for name in names:
            self._reach(name, by)
        self._run()

    def run(self, programs: Iterable[Program]) -> None:
        for program in programs:
            name = f"{program.package}.__main__" if program.package else "__main__"
            self._pending.append((Module(name, program.file), program.text, program.main))
        self._run()

    def _run(self) -> None:
        done = 0
        while done < len(self._pending):  # in breadth, so that the nearest importer is the one that is reported
            module, text, main = self._pending[done]
            done += 1
            self._read(module, text, main)
        self._pending.clear()

    def _read(self, module: Module, text: bytes | None, main: bool) -> None:
        if module.file is None:
            return
        found = Source((), frozenset())
        if module.file.endswith(".py") or text is not None:
            try:
                found = source(self._scene.read(module.file) or b"" if text is None else text, main=main)
            except FormatError as error:
                self.broken.append(Broken(module.file, error.message))
        for each in found.imports:
            self._import(module, each)
        for name in self._hidden_imports(module, found):
            self._reach(name, module.file)

    def _import(self, module: Module, statement: Import) -> None:
        name = _absolute(module, statement)
        if name is None or name.count(".") > _MAX_DEPTH or not self._follow(module, statement, name):
            return
        if name and not self._reach(name, module.file or ""):
            if not self._modules.is_made(name):
                self.lost[Lost(name, module.file or "", statement.sure)] = None
            return
        for each in statement.names:
            inner = f"{name}.{each}" if name else each
            package = self._modules.find(name) if name else None
            if each != "*" and package and package.folders and self._follow(module, statement, inner):
                self._reach(inner, module.file or "")

    def _reach(self, name: str, by: str) -> bool:
        """Take a module and the packages it is in; False if there is none of this name."""
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            dotted = ".".join(parts[:count])
            found = self._modules.find(dotted)
            if found is None:
                return False
            if dotted not in self.reached:
                self.reached[dotted] = Reached(found, by, name)
                self._pending.append((found, None, False))
        return True


def _absolute(module: Module, statement: Import) -> str | None:
    """The full name of what is imported; None if it would lie above the module's own package."""
    if not statement.level:
        return statement.name
    package = module.name.split(".") if module.folders else module.name.split(".")[:-1]
    levels = len(package) - statement.level + 1
    if levels <= 0:
        return None
    return ".".join([*package[:levels], *filter(None, [statement.name])])

"""All that Python programs come to import, from their sources on."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from fromscratch.errors import FormatError
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.python.imports import BY_HAND, MAX_SOURCE, Import, Source, source
from fromscratch.linker.beyond.python.modules import Module, Modules
from fromscratch.model import view as views
from fromscratch.model.content import Content, read
from fromscratch.model.entry import File

_MAX_DEPTH = 64


class Reached(NamedTuple):
    """A module, and the first that imports it, under the name that it uses for it."""

    module: Module
    by: str
    name: str


class Lost(NamedTuple):
    """An import that finds nothing: `by` is the file that has it. `sure` and `certain` as in `Import`."""

    name: str
    by: str
    sure: bool
    certain: bool


class Broken(NamedTuple):
    """A source that cannot be read: what is wrong with it."""

    file: str
    fault: str


class Program(NamedTuple):
    """A source to begin with: its text, None for that of the file, and the package that it is a module of, if any."""

    file: str
    text: bytes | None
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
        self._certain: dict[str, list[str]] = {}  # of each file, those without which it cannot be imported

    def certain(self, programs: Iterable[str]) -> frozenset[str]:
        """The files that programs import without any condition, and these in turn: one that fails ends the program."""
        found, pending = set[str](), list(programs)
        while pending:
            file = pending.pop()
            if file not in found:
                found.add(file)
                pending += self._certain.get(file, ())
        return frozenset(found)

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
                found = self._source(module.file, main) if text is None else source(text, main=main)
            except FormatError as error:
                self.broken.append(Broken(module.file, error.message))
        for each in found.imports:
            self._import(module, each)
        for name in self._hidden_imports(module, found):
            self._reach(name, module.file)

    def _source(self, file: str, main: bool) -> Source:
        entry = views.look(self._scene.view, file)
        if not isinstance(entry, File):
            return Source((), frozenset())
        if entry.content.size > MAX_SOURCE:
            raise FormatError(f"it has {entry.content.size} bytes, more than a source of Python has", BY_HAND)
        return _read(entry.content, main)

    def _import(self, module: Module, statement: Import) -> None:
        name = _absolute(module, statement)
        if name is None or name.count(".") > _MAX_DEPTH or not self._follow(module, statement, name):
            return
        if name and not self._reach(name, module.file or ""):
            if not self._modules.is_made(name):
                self.lost[Lost(name, module.file or "", statement.sure, statement.certain)] = None
            return
        if statement.certain:
            self._note_certain(module, name)
        for each in statement.names:
            inner = f"{name}.{each}" if name else each
            package = self._modules.find(name) if name else None
            if each != "*" and package and package.folders and self._follow(module, statement, inner):
                self._reach(inner, module.file or "")
                if statement.certain:
                    self._note_certain(module, inner)

    def _note_certain(self, module: Module, name: str) -> None:
        parts = name.split(".") if name else []
        found = (self._modules.find(".".join(parts[:count])) for count in range(1, len(parts) + 1))
        self._certain.setdefault(module.file or "", []).extend(each.file for each in found if each and each.file)

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


@lru_cache(maxsize=16384)
def _read(content: Content, main: bool) -> Source:
    """The imports of a file, cached for each round of finders."""
    return source(read(content), main=main)

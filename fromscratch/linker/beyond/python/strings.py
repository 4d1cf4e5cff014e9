"""What programs load by a name in a string: modules, plugins, libraries, and what compiled extensions import."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from fromscratch import paths
from fromscratch.linker.beyond.contract import NeededFile, Scene
from fromscratch.linker.beyond.python import literals
from fromscratch.linker.beyond.python.closure import Program, Reached
from fromscratch.linker.beyond.python.extensions import imported_names
from fromscratch.linker.beyond.python.habits import BUILD_TOOLS, SPARED
from fromscratch.linker.beyond.python.modules import Module, Modules
from fromscratch.linker.beyond.python.packages import Packages
from fromscratch.linker.beyond.python.tree import PythonTree
from fromscratch.model import view as views
from fromscratch.model.content import Content, read
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

_ZONES = "/usr/share/zoneinfo"
_MAX_SOURCE = 2 << 20
_LDCONFIG = "/sbin/ldconfig"  # ctypes.util starts it by this path, to print what ld.so.cache has


class _Strings(NamedTuple):
    """Of one source: the libraries that it may open, distributions whose metadata it asks for, and time zones."""

    libraries: literals.Libraries
    distributions: tuple[str, ...]
    zones: tuple[str, ...]


class Names:
    """The names in the sources and extensions that one group of programs reaches.

    `own` tells the user's own files from those of the standard library and of packages, and `environment` is whether
    the packages are those of a virtual environment, all of which were installed for its programs.
    """

    def __init__(
        self,
        scene: Scene,
        tree: PythonTree,
        modules: Modules,
        packages: Packages,
        sites: Sequence[str],
        *,
        environment: bool,
    ) -> None:
        self._scene, self._tree, self._modules, self._packages = scene, tree, modules, packages
        self._sites, self._environment = tuple(sites), environment
        self._plugins = packages.distributions.plugins()
        self._words = frozenset(self._known_words())
        self._libraries: dict[str, str] = {}  # by soname: the file that names it
        self._searched: dict[str, str] = {}
        self._zones: dict[str, str] = {}
        self._done: set[str] = set()

    def modules(self, reached: Iterable[Reached], programs: Iterable[Program]) -> Iterator[tuple[str, str]]:
        """The modules that are named in what came to be reached now, each with the file that names it."""
        for program in programs:
            if program.main and program.file not in self._done:
                self._done.add(program.file)
                text = program.text or self._scene.read(program.file) or b""
                yield from self._in_text(program.file, text, _strings_in(text))
                yield from ((name, program.file) for name in self._commands(text))
        for each in list(reached):
            file = each.module.file or ""
            if file.endswith(".py") and file not in self._done and not self._is_standard(file):
                self._done.add(file)
                entry = views.look(self._scene.view, file)
                if isinstance(entry, File) and entry.content.size <= _MAX_SOURCE:
                    yield from self._in_source(file, entry.content)
            elif file.endswith(".so") and not self._is_standard(file):
                yield from self._in_extension(file, each.module)
        for file, module in self._packages.extensions.items():
            yield from self._in_extension(file, module)

    def libraries(self) -> Iterator[NeededFile]:
        """The libraries that are opened by name."""
        for name, by in self._libraries.items():
            yield self._library(name, by, f"{by} (names {name} to be opened)")
        for word, by in self._searched.items():
            soname = self._found(word)
            if soname is not None:
                yield self._library(soname, by, f"{by} (looks for the library {word})")
                place = views.place(self._scene.view, by) or self._tree.object
                detail = f"{by} (find_library reads by it what ld.so.cache has)"
                yield NeededFile(_LDCONFIG, place, detail, "python", "declared", optional=True)

    def zones(self) -> Iterator[NeededFile]:
        """The time zones that sources name; zoneinfo looks them up below /usr/share/zoneinfo."""
        for zone, by in self._zones.items():
            path = f"{_ZONES}/{zone}"
            if isinstance(views.look(self._scene.view, path), File):
                place = views.place(self._scene.view, by) or self._tree.object
                yield NeededFile(path, place, f"{by} (names {zone})", "python", "likely", optional=True)

    def _library(self, name: str, by: str, detail: str) -> NeededFile:
        return NeededFile(name, self._tree.object, detail, "python", "likely", library=True, optional=True)

    def _found(self, word: str) -> str | None:
        """The soname of the library of a short name: the newest in a folder that the image has libraries from."""
        folders = dict.fromkeys(paths.parent(place) for place, elf in self._scene.objects.items() if elf.soname)
        for folder in folders:
            there = [each for each in views.names(self._scene.view, folder) if each.startswith(f"lib{word}.so.")]
            if there:
                return min(there, key=lambda each: (each.count("."), each))
        return None

    def _in_source(self, file: str, content: Content) -> Iterator[tuple[str, str]]:
        strings = _strings(content)
        own = not any(file.startswith(f"{site}/") for site in self._sites)
        if own or self._plugins:
            yield from self._in_text(file, read(content), strings, own=own)
        else:
            self._note(file, strings)

    def _in_text(self, file: str, text: bytes, strings: _Strings, *, own: bool = True) -> Iterator[tuple[str, str]]:
        self._note(file, strings)
        if self._plugins:
            for group in literals.groups(text, self._plugins):
                for distribution, name in self._plugins[group]:
                    self._packages.describe(distribution.name, file)
                    yield name, file
        if own:
            for word, strong in literals.modules(text):
                if (module := self._module_of(word, strong)) is not None:
                    yield module, file

    def _note(self, file: str, strings: _Strings) -> None:
        for soname in strings.libraries.sonames:
            self._libraries.setdefault(soname, file)
        for word in strings.libraries.searched:
            self._searched.setdefault(word, file)
        for name in strings.distributions:
            self._packages.describe(name, file)
        for zone in strings.zones:
            self._zones.setdefault(zone, file)

    def _module_of(self, word: str, strong: bool) -> str | None:
        """The module that a string in the user's own source names: the longest part of it that is one.

        A single word says much else besides, so it counts only for a package; and one of the standard library never
        does.
        """
        parts = word.split(".")
        if not all(parts) or parts[0] in BUILD_TOOLS:
            return None
        top = self._modules.find(parts[0])
        if top is None or top.file is None:
            return None
        standard = self._is_standard(top.file)
        for count in range(len(parts), 0, -1):
            name = ".".join(parts[:count])
            if self._modules.find(name) is None:
                continue
            if count > 1 or strong:
                return name
            installed = any(top.file.startswith(f"{site}/") for site in self._sites)
            useful = not standard and bool(top.folders) and (self._environment or not installed)
            return name if useful else None
        return None

    def _commands(self, text: bytes) -> Iterator[str]:
        for distribution, command in literals.commands(text):
            found = self._packages.distributions.with_name(distribution)
            if found is not None and (module := self._packages.distributions.command(found, command)):
                self._packages.describe(found.name, self._tree.object)
                yield module

    def _in_extension(self, file: str, module: Module) -> Iterator[tuple[str, str]]:
        place = views.place(self._scene.view, file)
        if file in self._done or place is None or place not in self._scene.objects:
            return
        self._done.add(file)
        for name in imported_names(self._scene, TreePath(place), self._words):
            dotted = name.removesuffix(".datetime_CAPI")
            if self._modules.find(dotted) is not None and dotted.partition(".")[0] != module.name.partition(".")[0]:
                yield dotted, file

    def _known_words(self) -> Iterator[bytes]:
        """The modules of the standard library, and what packages keep for themselves: `_cffi_backend`."""
        for folder in self._tree.standard:
            for name in (*self._modules.children(folder), *views.names(self._scene.view, folder)):
                if name.isidentifier() and not name.startswith("_") and name not in SPARED:
                    yield paths.encode(name)
        for site in self._sites:
            yield from (paths.encode(name) for name in self._modules.children(site) if name.startswith("_"))

    def _is_standard(self, file: str) -> bool:
        inside = any(file.startswith(f"{folder}/") for folder in self._tree.standard)
        return inside and not any(file.startswith(f"{site}/") for site in self._sites)


@lru_cache(maxsize=16384)
def _strings(content: Content) -> _Strings:
    """What a source names, cached for each round of finders."""
    return _strings_in(read(content))


def _strings_in(text: bytes) -> _Strings:
    return _Strings(literals.libraries(text), literals.distributions(text), literals.zones(text))

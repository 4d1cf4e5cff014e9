"""Packages of Python that are not part of its own library: each is taken whole, with the record that pip left of it.

Such a package reads files that lie beside its modules, and imports modules by names that it computes.
So all files of its folder are wanted, and what any of its modules imports of the standard library.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.linker.beyond.python.modules import Module, Modules, Program, Reached
from fromscratch.model import view as views
from fromscratch.paths import decode

_RECORD = lazy_regex(r"\.(dist|egg)-info$")


class Packages:
    """The packages that programs reach. `standard` are the folders of the library, `sites` those of packages."""

    def __init__(self, scene: Scene, modules: Modules, standard: Sequence[str], sites: Sequence[str]) -> None:
        self._scene, self._modules = scene, modules
        self._standard, self._sites = tuple(standard), tuple(sites)
        self._tops: dict[str, tuple[Module, str]] = {}  # by file or folder: the package, and who imports it first
        self._records: dict[str, dict[str, list[str]]] = {}

    def unread(self, reached: Iterable[Reached]) -> list[Program]:
        """The modules of packages that came to be reached now and that no import has led to yet."""
        reached = list(reached)
        files = {each.module.file for each in reached}
        found = []
        for each in reached:
            top = self._top(each.module)
            if top is None or top.folders[0] in self._tops:
                continue
            self._tops[top.folders[0]] = top, each.by
            for path in below(self._scene, top.folders[0]):
                if path.endswith(".py") and path not in files and not _is_test(path.removeprefix(top.folders[0])):
                    found.append(Program(path, self._scene.read(path) or b"", _package(top, path), main=False))
        for each in reached:  # single modules have a record too
            module = each.module
            if "." not in module.name and not module.folders and self._site(module) is not None and module.file:
                self._tops.setdefault(module.file, (module, each.by))
        return found

    def files(self) -> Iterator[tuple[str, str, str]]:
        """Every file of the packages: its path, who imports the package first, and the package's name."""
        for top, by in self._tops.values():
            for path in below(self._scene, top.folders[0]) if top.folders else ():
                yield path, by, top.name
            for record in self._recorded(top):
                for path in below(self._scene, record) if views.names(self._scene.view, record) else [record]:
                    yield path, by, top.name

    def _top(self, module: Module) -> Module | None:
        """The outermost package with a file of its own that a module is in; None in the standard library."""
        parts = module.name.split(".")
        for count in range(1, len(parts) + 1):
            package = self._modules.find(".".join(parts[:count]))
            if package is not None and package.file is not None:
                inside = any(package.file.startswith(f"{folder}/") for folder in self._standard)
                if not package.folders or (inside and self._site(package) is None):
                    return None
                return package
        return None

    def _site(self, module: Module) -> str | None:
        """The folder of packages that a module lies in."""
        found = (site for site in self._sites if module.file and module.file.startswith(f"{site}/"))
        return next(found, None)

    def _recorded(self, top: Module) -> list[str]:
        site = self._site(top)
        if site is None:
            return []
        if site not in self._records:
            self._records[site] = self._read(site)
        place = (top.folders[0] if top.folders else top.file or "").removeprefix(f"{site}/")
        first = place.partition("/")[0]
        return self._records[site].get(first) or self._records[site].get(first.partition(".")[0], [])

    def _read(self, site: str) -> dict[str, list[str]]:
        """The records of a folder of packages by what they say was installed there, or else by their own names."""
        found: dict[str, list[str]] = {}
        for name in views.names(self._scene.view, site):
            if not _RECORD.search(name):
                continue
            record = f"{site}/{name}"
            own = re.split(r"-\d|\.(?:dist|egg)-info$", name)[0].replace("-", "_")
            raw = self._scene.read(f"{record}/RECORD") or b""
            tops = {line.partition("/")[0] for line in decode(raw).splitlines() if "/" in line.partition(",")[0]}
            tops |= {line.partition(",")[0].partition(".")[0] for line in decode(raw).splitlines()}
            tops |= set(decode(self._scene.read(f"{record}/top_level.txt") or b"").split()) or {own, own.lower()}
            for top in tops - {"", "..", "__pycache__", name}:
                found.setdefault(top, []).append(record)
        return found


def _package(top: Module, path: str) -> str:
    """The package that a file below `top` is a module of."""
    inside = path.removeprefix(f"{top.folders[0]}/").split("/")[:-1]
    return ".".join([top.name, *inside])


def _is_test(path: str) -> bool:
    return re.search(r"/(tests?|testing)/|/conftest\.py$", path) is not None

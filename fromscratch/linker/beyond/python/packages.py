"""Packages of Python that are not part of its own library: each is taken whole, with the record that pip left of it.

Such a package reads files that lie beside its modules, and imports modules by names that it computes.
So all files of its folder are wanted, and what any of its modules imports of the standard library.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.linker.beyond.python.closure import Program, Reached
from fromscratch.linker.beyond.python.distributions import Distribution, Distributions
from fromscratch.linker.beyond.python.habits import BUILD_TOOLS
from fromscratch.linker.beyond.python.modules import Module, Modules
from fromscratch.linker.beyond.python.requirements import applies
from fromscratch.model import view as views


class Packages:
    """The packages that programs reach. `standard` are the folders of the library, `sites` those of packages."""

    def __init__(self, scene: Scene, modules: Modules, standard: Sequence[str], sites: Sequence[str]) -> None:
        self._scene, self._modules = scene, modules
        self._standard, self._sites = tuple(standard), tuple(sites)
        self._tops: dict[str, tuple[Module, str]] = {}  # by file or folder: the package, and who imports it first
        self._described: dict[Distribution, str] = {}
        self._followed: set[tuple[Distribution, frozenset[str]]] = set()
        self.distributions = Distributions(scene, sites)
        self.extensions: dict[str, Module] = {}  # compiled ones in packages, with the package of each

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
                if path.endswith(".so"):
                    self.extensions[path] = top
                if path.endswith(".py") and path not in files and not _is_test(path.removeprefix(top.folders[0])):
                    found.append(Program(path, None, _package(top, path), main=False))
        for each in reached:  # single modules have a record too
            module = each.module
            if module.file and not module.folders and self._top(module) is None and self._site(module) is not None:
                self._tops.setdefault(module.file, (module, each.by))
        return found

    def files(self) -> Iterator[tuple[str, str, str]]:
        """Every file of the packages: its path, who imports the package first, and the package's name."""
        for top, by in self._tops.values():
            for path in below(self._scene, top.folders[0]) if top.folders else ():
                yield path, by, top.name
            for each in self._recorded(top):
                yield from ((path, by, top.name) for path in self._files_of_record(each))
        for each, by in self._described.items():
            yield from ((path, by, each.name) for path in self._files_of_record(each))

    def _files_of_record(self, distribution: Distribution) -> Iterable[str]:
        record = distribution.record
        return below(self._scene, record) if views.names(self._scene.view, record) else [record]

    def describe(self, name: str, by: str) -> None:
        """Take what is recorded of a distribution, whose metadata a program asks for."""
        found = self.distributions.with_name(name)
        if found is not None:
            self._described.setdefault(found, by)

    def required(self, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """The modules of the distributions that those of the packages require, each with the file that says so.

        What builds and installs packages is left out, though many require it to be built themselves.
        """
        pending = [(each, frozenset[str]()) for top, _ in self._tops.values() for each in self._recorded(top)]
        while pending:
            here = pending.pop()
            if here in self._followed:
                continue
            self._followed.add(here)
            distribution, extras = here
            for each in self.distributions.requirements(distribution):
                found = self.distributions.with_name(each.name)
                if found is None or each.name in BUILD_TOOLS or not applies(each.marker, environment, extras):
                    continue
                pending.append((found, each.extras))
                by = self.distributions.metadata(distribution)
                self.describe(each.name, by)
                yield from ((module, by) for module in found.modules)

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

    def _recorded(self, top: Module) -> Sequence[Distribution]:
        site = self._site(top)
        if site is None:
            return ()
        first = (top.folders[0] if top.folders else top.file or "").removeprefix(f"{site}/").partition("/")[0]
        return self.distributions.owners(site, top.name, first if top.folders else first.partition(".")[0])


def _package(top: Module, path: str) -> str:
    """The package that a file below `top` is a module of."""
    inside = path.removeprefix(f"{top.folders[0]}/").split("/")[:-1]
    return ".".join([top.name, *inside])


def _is_test(path: str) -> bool:
    return re.search(r"/(tests?|testing)/|/conftest\.py$", path) is not None

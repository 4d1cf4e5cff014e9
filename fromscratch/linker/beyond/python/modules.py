"""Modules of Python by their names: which file an import finds.

Follows the path based finder of CPython (Lib/importlib/_bootstrap_external.py, PEP 420 for packages
without `__init__`): in each folder of the path a package comes before a module, an extension before a
source, and a source before compiled code.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from fromscratch.linker.beyond.contract import Scene
from fromscratch.model import view as views
from fromscratch.model.entry import Directory


class Module(NamedTuple):
    """`file` is the path as Python spells it, None for a package without one; `folders` those of a package."""

    name: str
    file: str | None
    folders: tuple[str, ...] = ()


class Modules:
    """What is importable along one path. `version` is such as 3.11."""

    def __init__(
        self, scene: Scene, path: Sequence[str], version: str, mapped: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """`mapped` are packages and modules that are found by their names, wherever they lie."""
        self._scene, self.path, self._mapped = scene, tuple(path), mapped
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
            self._found[name] = self._in(name, last, folders) or (None if above else self._mapped_to(name))
        return self._found[name]

    def _mapped_to(self, name: str) -> Module | None:
        path = self._mapped.get(name, "")
        if path.endswith(".py"):
            return Module(name, path)
        first = self.children(path).get("__init__") if path else None
        return Module(name, f"{path}/{first}", (path,)) if first else None

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

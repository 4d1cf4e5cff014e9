"""The distributions that are installed in folders of packages, by the records that installers leave of them.

Follows the specification of installed projects (dist-info folders), and what setuptools leaves: egg-info.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.python.requirements import Requirement, from_metadata, from_requires, normalised
from fromscratch.model import view as views
from fromscratch.paths import decode

_INFO = lazy_regex(r"\.(dist|egg)-info$")
_MODULE = lazy_regex(r"(.+?)(?:\.(?:cpython-\w+|abi3)[\w-]*)?\.(?:so|py)$")
_SECTION = lazy_regex(r"(?m)^\[([^\]\n]{1,200})\][ \t]*$")
_TARGET = lazy_regex(r"(?m)^[^#;\n=]{1,200}=[ \t]*([A-Za-z_][\w.]{0,200})")
_COMMANDS = frozenset({"console_scripts", "gui_scripts"})


class Distribution(NamedTuple):
    """`name` is normalised, `record` its dist-info folder or egg-info, and `modules` the dotted names of the packages
    and modules that it brings, each without those inside it. `firsts` are the names below its folder of packages.
    """

    name: str
    record: str
    modules: tuple[str, ...]
    firsts: frozenset[str]


class Distributions:
    """Those of some folders of packages; of two with one name the one in the first folder."""

    def __init__(self, scene: Scene, sites: Sequence[str]) -> None:
        self._scene = scene
        self._by_name: dict[str, Distribution] = {}
        self._by_module: dict[tuple[str, str], list[Distribution]] = {}
        self._by_first: dict[tuple[str, str], list[Distribution]] = {}
        for site in sites:
            for each in self._in(site):
                self._by_name.setdefault(each.name, each)
                for module in each.modules:
                    self._by_module.setdefault((site, module), []).append(each)
                for first in each.firsts:
                    self._by_first.setdefault((site, first), []).append(each)

    def __iter__(self) -> Iterator[Distribution]:
        return iter(self._by_name.values())

    def with_name(self, name: str) -> Distribution | None:
        return self._by_name.get(normalised(name))

    def owners(self, site: str, module: str, first: str) -> Sequence[Distribution]:
        """Those that brought a package or module, or else anything below the same name in the folder of packages."""
        return self._by_module.get((site, module), self._by_first.get((site, first), []))

    def requirements(self, distribution: Distribution) -> tuple[Requirement, ...]:
        names = ("METADATA", "PKG-INFO") if views.names(self._scene.view, distribution.record) else ("",)
        for name in names:
            raw = self._scene.read(f"{distribution.record}/{name}".rstrip("/"))
            if raw is not None and (found := from_metadata(raw)):
                return found
        return from_requires(self._scene.read(f"{distribution.record}/requires.txt") or b"")

    def metadata(self, distribution: Distribution) -> str:
        """The file that has the requirements."""
        there = views.names(self._scene.view, distribution.record)
        name = next((each for each in ("METADATA", "PKG-INFO") if each in there), "")
        return f"{distribution.record}/{name}".rstrip("/")

    def plugins(self) -> Mapping[str, list[tuple[Distribution, str]]]:
        """Of each group of entry points, the distributions that are in it, and the modules that they name for it."""
        found: dict[str, list[tuple[Distribution, str]]] = {}
        for each in self:
            for group, modules in entry_points(self._scene.read(f"{each.record}/entry_points.txt") or b"").items():
                if group not in _COMMANDS:
                    found.setdefault(group, []).extend((each, module) for module in modules)
        return found

    def command(self, distribution: Distribution, name: str) -> str | None:
        """The module that a command of a distribution begins in."""
        raw = self._scene.read(f"{distribution.record}/entry_points.txt") or b""
        found = re.search(rf"(?m)^{re.escape(name)}[ \t]*=[ \t]*([A-Za-z_][\w.]{{0,200}})", decode(raw))
        return found[1] if found else None

    def _in(self, site: str) -> Iterator[Distribution]:
        for name in views.names(self._scene.view, site):
            if _INFO.search(name):
                record = f"{site}/{name}"
                own = re.split(r"-\d|\.(?:dist|egg)-info$", name)[0]
                raw = self._scene.read(f"{record}/RECORD")
                tops = decode(self._scene.read(f"{record}/top_level.txt") or b"").split()
                modules = recorded(raw) if raw else tuple(tops) or tuple(dict.fromkeys(_guesses(own)))
                firsts = recorded_firsts(raw or b"") | frozenset(tops or _guesses(own))
                yield Distribution(normalised(own), record, modules, firsts - {name})


def _guesses(name: str) -> list[str]:
    return [name.replace("-", "_"), name.replace("-", "_").lower()]


@lru_cache(maxsize=512)
def recorded(raw: bytes) -> tuple[str, ...]:
    """The packages and modules in a RECORD, each by its dotted name, less what lies in another of them."""
    files = [line.partition(",")[0] for line in decode(raw).splitlines()]
    packages = {file.removesuffix("/__init__.py") for file in files if file.endswith("/__init__.py")}
    found: dict[str, None] = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        parts = folder.split("/") if folder else []
        if not all(part.isidentifier() for part in parts) or "__pycache__" in parts:
            continue
        outer = next((each for each in _prefixes(parts) if each in packages), None)
        if outer is not None:
            found[outer.replace("/", ".")] = None
        elif (module := _MODULE.fullmatch(name)) and module[1].isidentifier():
            found[".".join([*parts, module[1]])] = None
    return tuple(found)


def _prefixes(parts: Sequence[str]) -> Iterable[str]:
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


@lru_cache(maxsize=512)
def recorded_firsts(raw: bytes) -> frozenset[str]:
    """The first parts of the paths in a RECORD, and of the names of single modules."""
    lines = [line.partition(",")[0] for line in decode(raw).splitlines()]
    found = {line.partition("/")[0] if "/" in line else line.partition(".")[0] for line in lines}
    return frozenset(found - {"", "..", "__pycache__"})


def entry_points(raw: bytes) -> dict[str, list[str]]:
    """The modules that entry_points.txt names, by their groups."""
    pieces = _SECTION.split(decode(raw))
    return {
        group.strip(): list(dict.fromkeys(_TARGET.findall(text)))
        for group, text in zip(pieces[1::2], pieces[2::2], strict=True)
    }

"""Finder for Ruby: what programs require, along the $LOAD_PATH that ruby was built with, and the gems that have it.

$LOAD_PATH is read from the constant data of ruby or libruby, which has its folders in order (ruby.c,
`ruby_initial_load_paths`). A gem is taken with its specification and those of the gems that it depends on, without
which RubyGems would not let a program have it.
"""

import re
from collections.abc import Iterator, Sequence
from posixpath import normpath

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.linker.beyond.rodata import texts
from fromscratch.linker.beyond.ruby.source import Require, requires
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import TreePath, decode

KIND = "ruby"
_OBJECT = lazy_regex(r"ruby[\d.]*|libruby[-\d.]*\.so[\d.]*")
_FOLDERS = lazy_regex(rb"(?<=\0)(/[\x21-\x7e]{0,200}ruby[\x21-\x7e]{0,100})(?=\0)")
_READER, _OURS = lazy_regex(r"ruby[\d.]*"), lazy_regex(r"\.rb$")
_VERSION = lazy_regex(r"/(\d+\.\d+\.\d+)$")
_DEPENDENCY = lazy_regex(r"add_(?:runtime_)?dependency\(%q<([\w.-]{1,100})>")
# What ruby loads before it reads a program; encodings are loaded by the names that texts have.
_START = (
    "rubygems",
    "bundled_gems",
    "error_highlight",
    "did_you_mean",
    "syntax_suggest/core_ext",
    "rbconfig",
    "monitor",
)
# Required by their parts in C.
_LOADED_INDIRECTLY = {"openssl.so": ("digest",), "digest/sha2/loader": ("digest",)}
_BUILT_IN = lazy_regex(r"(enumerator|thread|fiber|rational|complex|ruby2_keywords|etc)(\.(rb|so))?")
# These require what a person at a terminal may ask of them, deep within their methods.
_LAZY = lazy_regex(r"/(rubygems|bundler|did_you_mean|error_highlight|syntax_suggest)[/.]")
_SPARED = lazy_regex(r"ext|test|spec|doc|docs|features|benchmarks?|\.git.*|.*\.(ri|gem)")


def find(scene: Scene, *, search: Sequence[str] = (), gems: Sequence[str] = ()) -> Iterator[Finding]:
    """What the Ruby programs of the image require; where there is a ruby and no program, its whole library.

    `search` is RUBYLIB, and `gems` are GEM_PATH.
    """
    for place in scene.objects:
        there = tuple(folder for folder in _load_path(scene, place) if _is_folder(scene, folder))
        if not there:
            continue
        programs = list(programs_of(scene, _READER, _OURS))
        loading = _Loading(scene, place, tuple(search), there, tuple(gems))
        if programs:
            loading.run(programs)
        else:
            loading.whole(there)
        yield from loading.findings()
        return


def _load_path(scene: Scene, place: TreePath) -> tuple[str, ...]:
    return texts(scene, place, _FOLDERS) if _OBJECT.fullmatch(paths.name(place)) else ()


def _is_folder(scene: Scene, path: str) -> bool:
    return isinstance(views.look(scene.view, path), Directory)


class _Loading:
    """What programs require of one ruby."""

    def __init__(
        self, scene: Scene, ruby: TreePath, search: tuple[str, ...], own: tuple[str, ...], gems: tuple[str, ...]
    ) -> None:
        self._scene, self._ruby, self._search, self._include = scene, ruby, search, (*search, *own)
        self._needed: dict[str, NeededFile] = {}
        self._warnings: dict[FinderWarning, None] = {}
        self._pending: list[str] = []
        self._gems = _Gems(scene, self._include, gems)
        self._activated: list[str] = []  # the lib folders of gems

    def run(self, programs: Sequence[TreePath]) -> None:
        for name in _START:
            self._require(Require(name), self._ruby)
        for folder in self._include:
            for path in below(self._scene, f"{folder}/enc"):
                self._need(path, self._ruby, "encodings are loaded by name")
        self._pending += programs
        while self._pending:
            file = self._pending.pop(0)
            for each in requires(self._scene.read(file) or b""):
                if (each.top or not _LAZY.search(file)) and not self._require(each, file):
                    self._missing(each, file, programs)

    def whole(self, folders: Sequence[str]) -> None:
        for folder in folders:
            if "/site_ruby" not in folder:
                for path in below(self._scene, folder, without=lambda name: name in ("gems", "vendor_ruby")):
                    self._need(path, self._ruby, "the library of ruby")

    def findings(self) -> Iterator[Finding]:
        yield from self._needed.values()
        yield from self._warnings

    def _missing(self, requirement: Require, file: str, programs: Sequence[TreePath]) -> None:
        if requirement.top and file in programs and not _BUILT_IN.fullmatch(requirement.name):
            where = "beside it" if requirement.near else f"in ruby's $LOAD_PATH ({':'.join(self._include)}) or a gem"
            self._warnings[FinderWarning(f"{file} requires {requirement.name}, which is not {where}", KIND)] = None

    def _require(self, requirement: Require, by: str) -> bool:
        name = requirement.name
        if requirement.near:
            found = self._in(by.rpartition("/")[0], name)
        elif name.startswith("/"):
            found = self._in("", name[1:])
        else:
            found = self._in_load_path(name, by)
        if found is None and not requirement.near and (gem := self._gems.with_file(name)):
            found = self._in_gem(gem, name, by)
        if found is None:
            return False
        if found not in self._needed:
            self._need(found, by, f"require {name}")
            for other in _LOADED_INDIRECTLY.get(name, ()):
                self._require(Require(other), found)
            if found.endswith(".rb"):
                self._pending.append(found)
                for path in below(self._scene, found.removesuffix(".rb")):
                    self._need(path, found, f"lies with {name}")
                    if path.endswith(".rb"):
                        self._pending += [path] if not _LAZY.search(path) else []
        return True

    def _in_load_path(self, name: str, by: str) -> str | None:
        """The file in $LOAD_PATH, or in the installed gem that RubyGems prefers to the default gem that has it."""
        found = self._first_in((*self._activated, *self._search), name)
        if found is None and (gem := self._gems.instead_of_default(name)):
            found = self._in_gem(gem, name, by)
        return found or self._first_in(self._include, name)

    def _first_in(self, folders: Sequence[str], name: str) -> str | None:
        return next(filter(None, (self._in(each, name) for each in folders)), None)

    def _in_gem(self, gem: str, name: str, by: str) -> str | None:
        self._gem(gem, by)
        return self._in(self._gems.library(gem), name)

    def _in(self, folder: str, name: str) -> str | None:
        base = normpath(f"{folder}/{name}")  # File.expand_path, so that one file has one path
        for path in (base, *(f"{base}{suffix}" for suffix in (".rb", ".so"))):
            if path.endswith((".rb", ".so")) and isinstance(views.look(self._scene.view, path), File):
                return path
        return None

    def _gem(self, gem: str, by: str) -> None:
        """A gem with all that RubyGems reads of it, and the gems that it depends on."""
        pending = [(gem, by)]
        while pending:
            here, wanter = pending.pop(0)
            library = self._gems.library(here)
            if library in self._activated:
                continue
            self._activated.append(library)
            for path in self._gems.files(here):
                self._need(path, wanter, f"gem {here.rpartition('/')[2]}")
            depends = (self._gems.with_name(name) for name in self._gems.dependencies(here))
            pending += [(other, self._gems.specification(here)) for other in depends if other]

    def _need(self, path: str, by: str, detail: str) -> None:
        if path not in self._needed:
            library = path.endswith(".so")  # opened by the loader of ruby's own process
            place = self._ruby if library else views.place(self._scene.view, by) or self._ruby
            self._needed[path] = NeededFile(path, place, f"{by} ({detail})", KIND, "declared", library=library)


class _Gems:
    """The gems of a root, each by its folder: TOP/gems/NAME-VERSION."""

    def __init__(self, scene: Scene, include: Sequence[str], tops: Sequence[str]) -> None:
        self._scene = scene
        versions = dict.fromkeys(found[1] for folder in include if (found := _VERSION.search(folder)))
        roots = dict.fromkeys(folder.partition("/ruby/")[0] for folder in include if "/ruby/" in folder)
        choices = [*tops]
        for version in versions:
            choices += [f"{root}/ruby/gems/{version}" for root in roots]
            choices += [f"/var/lib/gems/{version}", f"/usr/share/rubygems-integration/{version}"]
            choices += [f"/usr/local/lib/ruby/gems/{version}"]
        self._tops = [top for top in (*choices, "/usr/share/rubygems-integration/all") if _is_folder(scene, top)]
        self._all = sorted(
            (f"{top}/gems/{name}" for top in self._tops for name in views.names(scene.view, f"{top}/gems")),
            key=_by_version,
            reverse=True,
        )

    def with_file(self, name: str) -> str | None:
        """The newest gem that has the file that this name requires."""
        return next(self._with_file(name), None)

    def instead_of_default(self, name: str) -> str | None:
        """The newest gem that has this file, if it is at least as new as a default gem, part of ruby, of its name."""
        for gem in self._with_file(name):
            own = gem.rpartition("/")[2].rpartition("-")[0]
            places = (f"{top}/specifications/default/{own}-*.gemspec" for top in self._tops)
            defaults = [path.removesuffix(".gemspec") for each in places for path in views.glob(self._scene.view, each)]
            versions = [_by_version(path)[0] for path in defaults if path.rpartition("/")[2].rpartition("-")[0] == own]
            if versions and _by_version(gem)[0] >= max(versions):
                return gem
        return None

    def _with_file(self, name: str) -> Iterator[str]:
        for gem in self._all:
            base = f"{self.library(gem)}/{name}"
            if any(isinstance(views.look(self._scene.view, f"{base}{end}"), File) for end in ("", ".rb", ".so")):
                yield gem

    def with_name(self, name: str) -> str | None:
        """The newest gem of this name."""
        return next((gem for gem in self._all if gem.rpartition("/")[2].rpartition("-")[0] == name), None)

    def library(self, gem: str) -> str:
        return f"{gem}/lib"

    def specification(self, gem: str) -> str:
        name = gem.rpartition("/")[2]
        top = gem.removesuffix(f"/gems/{name}")
        inner = f"{top}/specifications/default/{name}.gemspec"
        return inner if views.place(self._scene.view, inner) else f"{top}/specifications/{name}.gemspec"

    def dependencies(self, gem: str) -> list[str]:
        return list(dict.fromkeys(_DEPENDENCY.findall(decode(self._scene.read(self.specification(gem)) or b""))))

    def files(self, gem: str) -> Iterator[str]:
        top, name = gem.removesuffix(f"/gems/{gem.rpartition('/')[2]}"), gem.rpartition("/")[2]
        if views.place(self._scene.view, self.specification(gem)):
            yield self.specification(gem)
        yield from below(self._scene, gem, without=lambda each: _SPARED.fullmatch(each) is not None)
        for path in views.glob(self._scene.view, f"{top}/extensions/*/*/{name}"):
            yield from below(self._scene, path)


def _by_version(gem: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d{1,9}", gem.rpartition("-")[2])], gem

"""Finder for Ruby: what programs require, along the $LOAD_PATH that ruby was built with, and the gems that have it.

$LOAD_PATH is read from the constant data of ruby or libruby, which has its folders in order (ruby.c,
`ruby_initial_load_paths`). A gem is taken with its specification and those of the gems that it depends on, without
which RubyGems would not let a program have it.
"""

from collections.abc import Iterator, Sequence
from posixpath import normpath

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.linker.beyond.rodata import texts
from fromscratch.linker.beyond.ruby import bundler
from fromscratch.linker.beyond.ruby.gems import Gems
from fromscratch.linker.beyond.ruby.source import Require, requires
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import TreePath

KIND = "ruby"
_OBJECT = lazy_regex(r"ruby[\d.]*|libruby[-\d.]*\.so[\d.]*")
_FOLDERS = lazy_regex(rb"(?<=\0)(/[\x21-\x7e]{0,200}ruby[\x21-\x7e]{0,100})(?=\0)")
_READER, _OURS = lazy_regex(r"ruby[\d.]*"), lazy_regex(r"\.rb$")
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
        self._spare: list[str] = []  # files of gems that no require has led to yet
        self._read: set[str] = set()
        self._required: set[str] = set()
        self._gem_path = gems
        self._gems = Gems(scene, self._include, gems)
        self._activated: list[str] = []  # the lib folders of gems

    def run(self, programs: Sequence[TreePath]) -> None:
        projects = [*bundler.projects(self._scene, programs)]
        self._gems = Gems(
            self._scene, self._include, (*(top for each in projects for top in each.tops), *self._gem_path)
        )
        for name in _START:
            self._require(Require(name), self._ruby)
        for folder in self._include:
            for path in below(self._scene, f"{folder}/enc"):
                self._need(path, self._ruby, "encodings are loaded by name")
        for project in projects:
            self._project(project)
        self._pending += programs
        while self._pending or self._spare:
            reached = bool(self._pending)
            file = (self._pending or self._spare).pop(0)
            if file in self._read:
                continue
            self._read.add(file)
            for each in requires(self._scene.read(file) or b""):
                if not reached:
                    self._require_own(each, file)
                elif (each.top or not _LAZY.search(file)) and not self._require(each, file):
                    self._missing(each, file, programs)

    def _project(self, project: bundler.Project) -> None:
        """What Bundler reads of a project, and every gem that is locked for it: it starts with none of them missing."""
        for path in project.files:
            self._need(path, project.program, "Bundler reads it")
        for name, version in project.gems:
            gem = self._gems.with_version(name, version) or self._gems.with_name(name)
            if gem is not None:
                self._gem(gem, project.files[0])

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
        if found not in self._required:
            self._required.add(found)
            self._need(found, by, f"require {name}")
            for other in _LOADED_INDIRECTLY.get(name, ()):
                self._require(Require(other), found)
            if found.endswith(".rb"):
                self._pending.append(found)
                for path in below(self._scene, found.removesuffix(".rb")):
                    self._need(path, found, f"lies with {name}")
                    if path.endswith(".rb") and path not in self._spare:
                        self._pending += [path] if not _LAZY.search(path) else []
        return True

    def _require_own(self, requirement: Require, by: str) -> None:
        """What a file of a gem that may never be loaded requires of ruby's own library; not what it may do with."""
        name = requirement.name
        if not requirement.near and not name.startswith("/") and self._first_in(self._include, name) is not None:
            self._require(requirement, by)

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
                if path.endswith(".rb") and path.startswith(f"{library}/"):
                    self._spare.append(path)
            depends = (self._gems.with_name(name) for name in self._gems.dependencies(here))
            pending += [(other, self._gems.specification(here)) for other in depends if other]

    def _need(self, path: str, by: str, detail: str) -> None:
        if path not in self._needed:
            library = path.endswith(".so")  # opened by the loader of ruby's own process
            place = self._ruby if library else views.place(self._scene.view, by) or self._ruby
            self._needed[path] = NeededFile(path, place, f"{by} ({detail})", KIND, "declared", library=library)

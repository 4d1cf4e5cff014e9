"""Finder for Node.js: the files that programs import, and the packages that they are in.

Follows "Modules: Packages" and the resolution algorithms in the documentation of Node.js. A package in node_modules is
selected whole, with its dependencies by package.json, so which of its files a name resolves to does not matter.
"""

import re
from collections.abc import Iterator, Sequence
from posixpath import normpath

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import json_value
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.linker.beyond.node.source import imports
from fromscratch.linker.beyond.rodata import texts
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import TreePath

KIND = "node"
_OBJECT = lazy_regex(r"node(js)?[\d.]*|libnode\.so[\d.]*")
_READER = lazy_regex(r"(node|nodejs)[\d.]*")
_SOURCE = lazy_regex(r"\.[cm]?js$")
# Modules that are built in but lie in files, as Debian builds it: their paths stand in the data of libnode.
_EXTERNAL = lazy_regex(rb"(?<=\0)(/[\x21-\x7e]{1,250}\.(?:[cm]?js|json|wasm))(?=\0)")
_BUILT_IN = lazy_regex(
    r"node:.*|_?(assert|async_hooks|buffer|child_process|cluster|console|constants|crypto|dgram|diagnostics_channel|dns"
    r"|domain|events|fs|http|http2|https|inspector|module|net|os|path|perf_hooks|process|punycode|querystring|readline"
    r"|repl|sqlite|stream|string_decoder|sys|timers|tls|trace_events|tty|url|util|v8|vm|wasi|worker_threads|zlib)(/.*)?"
    r"|_(http|stream|tls)_\w+"
)
_SUFFIXES = (".js", ".json", ".node", ".mjs", ".cjs")
_PACKAGE = lazy_regex(r"(.*/(?:node_modules|share/nodejs|lib/nodejs|lib/[^/]*-linux-[^/]*/nodejs)/(?:@[^/]+/)?[^/]+)")
# Where Debian's packages lie, besides every node_modules above a program.
_GLOBAL = ("/usr/local/lib/node_modules", "/usr/share/nodejs", "/usr/lib/nodejs")


def find(scene: Scene, *, search: Sequence[str] = ()) -> Iterator[Finding]:
    """What the programs of the image's Node.js import, and what it reads itself when it starts.

    `search` is NODE_PATH.
    """
    there = [place for place in scene.objects if _OBJECT.fullmatch(paths.name(place))]
    for place in there:
        for path in texts(scene, place, _EXTERNAL):
            if isinstance(views.look(scene.view, path), File):
                yield NeededFile(path, place, f"{place} (built in, but in a file of its own)", KIND, "likely")
    if there:
        yield from _Loading(scene, there[0], search).findings()


class _Loading:
    def __init__(self, scene: Scene, node: TreePath, search: Sequence[str]) -> None:
        self._scene, self._node = scene, node
        arch = views.glob(scene.view, "/usr/lib/*-linux-*/nodejs")
        self._global = (*search, *_GLOBAL, *arch)
        self._needed: dict[str, NeededFile] = {}
        self._warnings: dict[FinderWarning, None] = {}
        self._packages: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        pending = [(str(program), True) for program in programs_of(self._scene, _READER, _SOURCE)]
        seen = {path for path, _ in pending}
        while pending:
            file, is_program = pending.pop(0)
            if package := _package(file):
                self._package(package, file)
                continue
            self._described(file)
            for each in imports(self._scene.read(file) or b""):
                found = None if _BUILT_IN.fullmatch(each.name) else self._resolve(each.name, file)
                if found is not None and found not in seen and not _package(found):
                    self._need(found, file, f"imports {each.name}")
                if found is not None and found not in seen:
                    seen.add(found)
                    pending += [(found, False)] if _package(found) or _SOURCE.search(found) else []
                elif found is None and each.sure and is_program and not _BUILT_IN.fullmatch(each.name):
                    self._warnings[FinderWarning(f"{file} imports {each.name}, which leads nowhere", KIND)] = None
        yield from self._needed.values()
        yield from self._warnings

    def _resolve(self, name: str, by: str) -> str | None:
        """The file, or the folder of the package, that a name leads to from a file."""
        folder = by.rpartition("/")[0]
        if name.startswith(("./", "../", "/")) or name in (".", ".."):
            return self._file(normpath(name if name.startswith("/") else f"{folder}/{name}"))
        if name.startswith("#"):
            return None  # a name that the package.json of the program itself maps: see _described
        parts = name.split("/")
        package = "/".join(parts[:2] if name.startswith("@") else parts[:1])
        above = [str(each).rstrip("/") for each in paths.ancestors(TreePath(by))]
        for top in (*(f"{each}/node_modules" for each in reversed(above)), *self._global):
            if isinstance(views.look(self._scene.view, f"{top}/{package}"), Directory):
                return f"{top}/{package}"
            if found := self._file(f"{top}/{name}"):
                return found
        return None

    def _file(self, path: str) -> str | None:
        """LOAD_AS_FILE and LOAD_AS_DIRECTORY."""
        for each in (path, *(f"{path}{suffix}" for suffix in _SUFFIXES)):
            if isinstance(views.look(self._scene.view, each), File):
                return each
        if not isinstance(views.look(self._scene.view, path), Directory):
            return None
        main = self._json(f"{path}/package.json").get("main")
        choices = [normpath(f"{path}/{main}")] if isinstance(main, str) and "\0" not in main else []
        for base in (*choices, *(f"{each}/index" for each in (*choices, path))):
            for each in (base, *(f"{base}{suffix}" for suffix in _SUFFIXES)):
                if isinstance(views.look(self._scene.view, each), File):
                    return each
        return None

    def _described(self, file: str) -> None:
        """The package.json that says how a file is to be read, and the files that it maps names to."""
        folder = file
        while folder := folder.rpartition("/")[0]:
            path = f"{folder}/package.json"
            if isinstance(views.look(self._scene.view, path), File):
                self._need(path, file, "says how it is read")
                for target in _strings(self._json(path).get("imports")):
                    if target.startswith("./") and (found := self._file(normpath(f"{folder}/{target}"))):
                        self._need(found, path, "imports")
                return

    def _package(self, package: str, by: str) -> None:
        """A package without what is nested in it, and the packages that it depends on."""
        pending = [(package, by)]
        while pending:
            top, wanter = pending.pop(0)
            if top in self._packages:
                continue
            self._packages.add(top)
            for path in below(self._scene, top, without=lambda name: name == "node_modules"):
                self._need(path, wanter, f"package {_name(top)}")
            described = self._json(f"{top}/package.json")
            real = views.place(self._scene.view, f"{top}/package.json") or top  # packages look from where they lie
            for key in ("dependencies", "optionalDependencies", "peerDependencies"):
                depends = described.get(key)
                for name in depends if isinstance(depends, dict) else ():
                    found = self._resolve(str(name), real) if str(name)[:1] not in "./#" else None
                    if found and _package(found):
                        pending.append((found, f"{top}/package.json"))

    def _json(self, path: str) -> dict[str, object]:
        """The object in a JSON file; empty for any other file."""
        try:
            found = json_value(self._scene.read(path) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _need(self, path: str, by: str, detail: str) -> None:
        if path not in self._needed:
            place = views.place(self._scene.view, by) or self._node
            self._needed[path] = NeededFile(path, place, f"{by} ({detail})", KIND, "declared")


def _package(path: str) -> str | None:
    """The folder of the package that a path is in or is, of those that lie where packages are installed."""
    found = re.match(
        r"(.*/(?:node_modules|share/nodejs|lib/nodejs|lib/[^/]*-linux-[^/]*/nodejs)/(?:@[^/]+/)?[^/]+)", path
    )
    return None if found is None or found[1].endswith((".js", ".cjs", ".mjs", ".json", ".node")) else found[1]


def _name(top: str) -> str:
    return "/".join(top.split("/")[-2:] if "/@" in top else top.split("/")[-1:])


def _strings(value: object) -> Iterator[str]:
    """The strings in a value of JSON."""
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case dict() as inner:
                pending += inner.values()
            case list() as items:
                pending += items

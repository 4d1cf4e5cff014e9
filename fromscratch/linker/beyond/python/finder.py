"""Finder for Python: the modules of the interpreters in the image that the programs there import.

`.py` files are selected and `__pycache__` is not: compiled code is valid only as long as the time of its source is the
one that it recorded.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.linker.beyond.python import habits
from fromscratch.linker.beyond.python.closure import Closure, Lost
from fromscratch.linker.beyond.python.embedding import own_modules
from fromscratch.linker.beyond.python.imports import Import, Source
from fromscratch.linker.beyond.python.modules import Module, Modules
from fromscratch.linker.beyond.python.packages import Packages
from fromscratch.linker.beyond.python.programs import Group
from fromscratch.linker.beyond.python.programs import groups as programs_of
from fromscratch.linker.beyond.python.strings import Names
from fromscratch.linker.beyond.python.tree import PythonTree, editables, environment_of, sites_of, trees
from fromscratch.linker.beyond.python.tree import added as added_folders
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

KIND = "python"
Mode = Literal["auto", "imports", "whole"]


def find(scene: Scene, *, mode: Mode = "auto", search: Sequence[str] = (), pycache: bool = False) -> Iterator[Finding]:
    """The modules that each CPython of the image needs.

    `imports` follows the imports of the Python programs, `whole` takes all of the standard library
    but its tests as well, and `auto` does so where there are no programs. `search` is PYTHONPATH.
    `pycache` takes compiled code along.
    """
    for tree in trees(scene):
        groups = list(programs_of(scene, tree, tuple(search)))
        found = _Found(scene, tree)
        if mode == "whole" or (not groups and mode == "auto"):
            found.whole(tree.object, f"{tree.object} (the standard library of Python {tree.version})")
        for group in groups or [Group(None, tuple(search), ())]:
            found.follow(group)
        found.embedded()
        yield from found.findings(pycache)


class _Found:
    """What one interpreter needs, by the path that it opens."""

    def __init__(self, scene: Scene, tree: PythonTree) -> None:
        self._scene, self._tree = scene, tree
        self._needed: dict[str, tuple[str, str]] = {}  # path: by, detail
        self._notices: dict[Finding, None] = {}
        self._others: dict[NeededFile, None] = {}
        self._tools: dict[str, str] = {}  # tools that build packages, by the package that imports them
        self._loaded: set[str] = set()
        self._unreached: set[str] = set()  # modules that lie in a package but that no import leads to

    def follow(self, group: Group) -> None:
        """The imports of programs, and of what an interpreter imports before it comes to them."""
        sites = sites_of(self._scene, self._tree, group.venv)
        added, editable = added_folders(self._scene, sites), editables(self._scene, sites)
        modules = Modules(
            self._scene,
            (*group.first, *self._tree.standard, *sites, *added),
            self._tree.version,
            {name: each.path for name, each in editable.items()},
        )
        closure = Closure(
            self._scene,
            modules,
            follow=lambda module, statement, name: self._follows(modules, sites, module, statement, name),
            hidden_imports=self._hidden_imports,
        )
        closure.add(habits.START, self._tree.object)
        closure.run(group.programs)
        packages = Packages(self._scene, modules, self._tree.standard, sites)
        names = Names(self._scene, self._tree, modules, packages, (*sites, *added), environment=group.venv is not None)
        self._settle(group, closure, packages, names)
        if group.venv is not None:
            self._need(group.venv.config, self._tree.object, "the interpreter's place tells of it")
        for reached in closure.reached.values():
            self._module(reached.module, reached.by, f"import {reached.name}")
        for path, by, name in packages.files():
            self._need(path, by, f"package {name}")
        for folder, pth in added.items():
            if any(path.startswith(f"{folder}/") for path in self._needed):
                self._need(pth, self._tree.object, f"adds {folder} to the path")
        for name, each in editable.items():
            if any(path == each.path or path.startswith(f"{each.path}/") for path in self._needed):
                self._need(each.pth, self._tree.object, f"imports the finder of {name}")
                self._need(each.finder, each.pth, f"finds {name}")
        self._others.update(dict.fromkeys(names.libraries()))
        if "zoneinfo" in closure.reached:
            self._others.update(dict.fromkeys(names.zones()))
        self._encodings()
        self._note_problems(group, closure, sites)

    def _settle(self, group: Group, closure: Closure, packages: Packages, names: Names) -> None:
        """Follow what packages require and what strings name, until that leads to nothing more."""
        environment = environment_of(self._scene, self._tree)
        while True:
            unread = packages.unread(closure.reached.values())
            self._unreached |= {program.file for program in unread}
            more = [*packages.required(environment), *names.modules(closure.reached.values(), group.programs)]
            certain = closure.certain(program.file for program in group.programs) if self._tools else frozenset[str]()
            tools = [(name, by) for name, by in self._tools.items() if by in certain and name not in closure.reached]
            if not unread and not more and not tools:
                return
            closure.run(unread)
            for name, by in (*more, *tools):
                self._tools.pop(name, None)
                closure.add([name], by)

    def _follows(self, modules: Modules, sites: Sequence[str], module: Module, statement: Import, name: str) -> bool:
        if self._is_standard(module.file):
            return not habits.is_spare(module, statement, name)
        top = name.partition(".")[0]
        installed = any((module.file or "").startswith(f"{site}/") for site in sites)
        if installed and top in habits.BUILD_TOOLS and module.name.partition(".")[0] not in habits.BUILD_TOOLS:
            if statement.certain:
                self._tools.setdefault(name, module.file or "")
            return False  # decided when it is known whether the programs cannot do without that module
        if module.file not in self._unreached or name.partition(".")[0] == module.name.partition(".")[0]:
            return True
        found = modules.find(name)  # what a spare part of a package would like to have of others is not taken
        return found is not None and self._is_standard(found.file)

    def _hidden_imports(self, module: Module, source: Source) -> Iterable[str]:
        return habits.hidden_imports(module, source, standard=self._is_standard(module.file))

    def _is_standard(self, file: str | None) -> bool:
        return file is not None and _is_standard(self._tree, file)

    def _module(self, module: Module, by: str, detail: str) -> None:
        if module.file is None:
            return
        self._need(module.file, by, detail)
        if module.file.endswith(".so"):
            self._loaded.add(module.file)
        if not self._is_standard(module.file):
            return
        for name in habits.DATA.get(module.name, ()):
            path = f"{module.folders[0]}/{name}" if module.folders else name
            for inside in below(self._scene, path) if views.names(self._scene.view, path) else [path]:
                self._need(inside, module.file, f"data of {module.name}")
        if module.name == "sysconfig":
            for path in views.glob(self._scene.view, f"{self._tree.library}/_sysconfigdata*.py"):
                self._need(path, module.file, "imports it by a name that it computes")

    def _encodings(self) -> None:
        """Any text may name any of the codecs; they are small, but for those of East Asia, which are written in C."""
        for path in below(self._scene, f"{self._tree.library}/encodings"):
            self._need(path, self._tree.object, "codecs are imported by name")
        entries = [
            views.look(self._scene.view, path)
            for name in habits.EAST_ASIAN
            for path in views.glob(self._scene.view, f"{self._tree.standard[1]}/{name}.*")
            if path not in self._needed
        ]
        if size := sum(entry.content.size for entry in entries if isinstance(entry, File)):
            text = (
                f"Python's codecs for Chinese, Japanese and Korean, which {self._tree.object} loads when text names one"
            )
            self._notices[Offer(text, Setting("python", "whole"), KIND, size)] = None

    def whole(self, by: TreePath, detail: str) -> None:
        """All of the standard library, but for its tests and what only builds or demonstrates."""
        for path in below(self._scene, self._tree.library, without=_is_spared):
            if path.count("/") > self._tree.library.count("/") + 1 or path.endswith((".py", ".so")):
                self._needed.setdefault(path, (by, detail))
                self._loaded |= {path} if path.endswith(".so") else set()

    def embedded(self) -> None:
        """The modules that programs with this interpreter within them have of their own."""
        for program, folder in own_modules(self._scene):
            for path in below(self._scene, folder):
                self._need(path, program, f"its own modules in {folder}")

    def _need(self, path: str, by: str, detail: str) -> None:
        self._needed.setdefault(path, (by, f"{by} ({detail})"))

    def _note_problems(self, group: Group, closure: Closure, sites: Sequence[str]) -> None:
        """Note what could not be followed, in files outside the standard library."""
        for broken in closure.broken:
            if self._is_standard(broken.file):
                continue
            self.whole(paths.tree_path(broken.file), f"{broken.file} (what it imports cannot be read)")
            text = f"the imports of {broken.file} cannot be read: {broken.fault}; the whole standard library is taken"
            self._notices[FinderWarning(text, KIND)] = None
        self._note_lost(group, closure, sites)
        if "zoneinfo" in closure.reached and "tzdata" not in closure.reached:
            text = f"the time zones that {closure.reached['zoneinfo'].by} may look up, in /usr/share/zoneinfo"
            self._notices[Offer(text, Setting("tzdata", "all"), KIND)] = None

    def _note_lost(self, group: Group, closure: Closure, sites: Sequence[str]) -> None:
        """One message for each package that is imported and is nowhere, though many files may import it.

        What a package imports counts only if the programs cannot come by without it; what it has below its own name
        and is not there, it makes by itself.
        """
        certain = closure.certain(program.file for program in group.programs)
        lost: dict[str, list[Lost]] = {}
        for each in closure.lost:
            top = each.name.partition(".")[0]
            installed = any(each.by.startswith(f"{site}/") for site in sites)
            fails = each.certain and each.by in certain and top not in closure.reached if installed else each.sure
            ours = self._is_standard(each.by) or each.by in self._unreached
            if fails and not ours and not habits.BUILT_IN.fullmatch(top):
                lost.setdefault(top, []).append(each)
        for first, *others in lost.values():
            files = len({each.by for each in others} - {first.by})
            count = "does 1 other file" if files == 1 else f"do {files} other files"
            more = f" (and so {count})" if files else ""
            text = f"{first.by} imports {first.name}{more}, which Python {self._tree.version} finds nowhere on its path"
            self._notices[FinderWarning(text, KIND)] = None

    def findings(self, pycache: bool) -> Iterator[Finding]:
        """Everything, each file once."""
        for path, (by, detail) in self._needed.items():
            place = views.place(self._scene.view, by) or self._tree.object
            if path in self._loaded:  # the loader of the interpreter's process opens it
                yield NeededFile(path, self._tree.object, detail, KIND, "declared", library=True)
            else:
                yield NeededFile(path, place, detail, KIND, "declared")
            compiled = _compiled(path, self._tree.version)
            if pycache and path.endswith(".py") and views.place(self._scene.view, compiled):
                yield NeededFile(compiled, place, f"{path} (its compiled code)", KIND, "possible", optional=True)
        yield from self._others
        yield from self._notices


def _is_standard(tree: PythonTree, file: str) -> bool:
    inside = file.startswith(f"{tree.library}/")
    return inside and not any(file.startswith(f"{site}/") for site in tree.sites)


def _is_spared(name: str) -> bool:
    spared = name.partition(".")[0] in habits.SPARED or name.startswith(habits.SPARED_EXTENSIONS)
    return spared or re.match(r"config-|(site|dist)-packages$", name) is not None


def _compiled(path: str, version: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-{version.replace('.', '').rstrip('t')}.pyc"

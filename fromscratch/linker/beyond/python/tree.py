"""The library folders of a CPython, found as the interpreter finds them when it starts, without starting it.

Follows Modules/getpath.py (the prefix is the nearest folder above the program with lib/python3.X/os.py below
it), Lib/site.py, PEP 405 for virtual environments, and Debian's dist-packages.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import TreePath, decode

_OBJECT = lazy_regex(r"(?:python(?P<program>3(?:\.\d+t?)?)|libpython(?P<library>3\.\d+t?))[dm]*(?:\.so[\d.]*)?")
_PREFIXES = ("/usr", "/usr/local")
_LIB = ("lib", "lib64")
_MAX_LINES = 1000
_MACHINES = {
    (62, 64): "x86_64",
    (3, 32): "i686",
    (183, 64): "aarch64",
    (40, 32): "armv7l",
    (243, 64): "riscv64",
    (21, 64): "ppc64le",
    (22, 64): "s390x",
}
_VENVS = (".venv", "venv", ".env", "env")
_EDITABLE = lazy_regex(r"__editable__\w+_finder\.py")
_MAPPING = lazy_regex(r"(?m)^MAPPING\b[^=\n]{0,80}=[ \t]*(\{[^\n]{0,100000}\})[ \t]*$")


class PythonTree(NamedTuple):
    """`object` is the interpreter or its library, `library` the folder of the standard library, and
    `sites` those of other packages, in the order in which they are searched."""

    object: TreePath
    version: str
    library: str
    sites: tuple[str, ...]

    @property
    def standard(self) -> tuple[str, str]:
        """Where the standard library lies: its modules, and those written in C."""
        return self.library, f"{self.library}/lib-dynload"


class Venv(NamedTuple):
    """A virtual environment by its pyvenv.cfg; `system` is whether the packages of its Python count too."""

    config: str
    folder: str
    system: bool


def trees(scene: Scene) -> Iterator[PythonTree]:
    """The Pythons of the image, each library once: a program and its libpython have one."""
    known: set[TreePath | None] = set()
    for place in scene.objects:
        tree = tree_of(scene, place)
        library = None if tree is None else views.place(scene.view, tree.library)
        if tree is not None and library not in known:
            known.add(library)
            yield tree


def tree_of(scene: Scene, place: TreePath) -> PythonTree | None:
    """The library of the CPython at this place; None for any other file, and for one without a library."""
    found = _OBJECT.fullmatch(paths.name(place))
    if found is None:
        return None
    version = found["program"] or found["library"]
    above = [str(each).rstrip("/") for each in paths.ancestors(place)]
    for prefix in (*reversed(above), *_PREFIXES):
        for lib in _LIB:
            if library := _library(scene, f"{prefix}/{lib}", version):
                known = library.rpartition("/python")[2]
                return PythonTree(place, known, library, tuple(_sites(scene, prefix, library, known)))
    return None


def _library(scene: Scene, folder: str, version: str) -> str | None:
    """The folder of the standard library below `folder`: a program that is just `python3` has any version."""
    names = (
        [f"python{version}"]
        if "." in version
        else [name for name in views.names(scene.view, folder) if re.fullmatch(r"python3\.\d+t?", name)]
    )
    for name in reversed(names):
        if isinstance(views.look(scene.view, f"{folder}/{name}/os.py"), File):
            return f"{folder}/{name}"
    return None


def _sites(scene: Scene, prefix: str, library: str, version: str) -> Iterator[str]:
    """The folders of other packages that are there. Debian changes site.py, so its text decides."""
    if b"dist-packages" in (scene.read(f"{library}/site.py") or b""):
        choices = [f"{prefix}/local/lib/python{version}/dist-packages", f"{prefix}/lib/python3/dist-packages"]
        choices.append(f"{library}/dist-packages")
    else:
        choices = [f"{prefix}/{lib}/python{version}/site-packages" for lib in _LIB]
    for folder in choices:
        if isinstance(views.look(scene.view, folder), Directory):
            yield folder


def added(scene: Scene, sites: Iterable[str]) -> dict[str, str]:
    """The folders that .pth files add to the path, each with the file that does: see Lib/site.py, `addpackage`.

    A line there that begins with `import` is code, which we do not run.
    """
    found: dict[str, str] = {}
    for site in sites:
        for name in views.names(scene.view, site):
            if not name.endswith(".pth") or name.startswith("."):
                continue
            for line in decode(scene.read(f"{site}/{name}") or b"").splitlines()[:_MAX_LINES]:
                folder = line.strip() if line.startswith("/") else f"{site}/{line.strip()}"
                code = not line.strip() or line.startswith(("#", "import ", "import\t")) or "\0" in line
                if not code and isinstance(views.look(scene.view, folder), Directory):
                    found.setdefault(folder.rstrip("/"), f"{site}/{name}")
    return found


class Editable(NamedTuple):
    """A package that is used where its source lies: `path` is its folder or file, `finder` the module that says so."""

    path: str
    finder: str
    pth: str


def editables(scene: Scene, sites: Iterable[str]) -> dict[str, Editable]:
    """The packages that setuptools installed as editable by a finder of their own, by their names."""
    found: dict[str, Editable] = {}
    for site in sites:
        for name in views.names(scene.view, site):
            mapping = (
                _MAPPING.search(decode(scene.read(f"{site}/{name}") or b"")) if _EDITABLE.fullmatch(name) else None
            )
            if mapping is None:
                continue
            finder = f"{site}/{name}"
            starters = (each for each in views.names(scene.view, site) if each.endswith(".pth"))
            inside = name.removesuffix(".py").encode()
            pth = next((each for each in starters if inside in (scene.read(f"{site}/{each}") or b"")), "")
            for package, path in _literal(mapping[1]).items():
                for choice in (path, f"{path}.py"):
                    if pth and views.look(scene.view, choice) is not None:
                        found.setdefault(package, Editable(choice, finder, f"{site}/{pth}"))
    return found


def _literal(text: str) -> dict[str, str]:
    import ast  # few environments need it

    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return {}
    pairs = value.items() if isinstance(value, dict) else ()
    return {key: path for key, path in pairs if isinstance(key, str) and isinstance(path, str) and path[:1] == "/"}


def venv_of(scene: Scene, program: str) -> Venv | None:
    """The virtual environment that a Python by this path belongs to: pyvenv.cfg lies beside it, or one folder up."""
    folder = program.rpartition("/")[0]
    for top in (folder, folder.rpartition("/")[0]):
        raw = scene.read(f"{top}/pyvenv.cfg")
        if raw is not None:
            found = re.search(r"(?im)^[ \t]*+include-system-site-packages\s*=\s*(\w+)", decode(raw))
            return Venv(f"{top}/pyvenv.cfg", top, found is not None and found[1].lower() == "true")
    return None


def venv_beside(scene: Scene, folder: str, version: str) -> Venv | None:
    """The virtual environment of a project that a folder is in, by the names that people give to such."""
    for top in (folder, *(str(each) for each in reversed(list(paths.ancestors(paths.tree_path(folder)))))):
        for name in _VENVS:
            there = f"{top.rstrip('/')}/{name}"
            own = any(views.names(scene.view, f"{there}/{lib}/python{version}/site-packages") for lib in _LIB)
            if own and (found := venv_of(scene, f"{there}/bin/python")) is not None:
                return found
    return None


def sites_of(scene: Scene, tree: PythonTree, venv: Venv | None) -> tuple[str, ...]:
    """The folders of packages that a Python has in its virtual environment, if it is in one."""
    if venv is None:
        return tree.sites
    own = (f"{venv.folder}/{lib}/python{tree.version}/site-packages" for lib in _LIB)
    there = tuple(folder for folder in own if isinstance(views.look(scene.view, folder), Directory))
    return there + (tree.sites if venv.system else ())


def environment_of(scene: Scene, tree: PythonTree) -> Mapping[str, str]:
    """What the conditions of requirements may ask about (PEP 508)."""
    elf = scene.objects.get(tree.object)
    return {
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": _MACHINES.get((elf.machine, elf.bits), "") if elf is not None else "",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "python_version": tree.version.rstrip("t"),
        "python_full_version": tree.version.rstrip("t"),
        "implementation_version": tree.version.rstrip("t"),
    }

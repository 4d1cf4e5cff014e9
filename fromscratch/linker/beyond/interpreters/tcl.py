"""Finder for Tcl: the packages that programs ask for by `package require`, and the files that they source.

Follows package(n), pkg_mkIndex(n), tm(n) and the variables auto_path and tcl_pkgPath of library(n).
"""

from collections.abc import Iterator, Sequence

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import Loading, first_file, is_folder
from fromscratch.linker.beyond.rodata import texts
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.model import view as views
from fromscratch.paths import TreePath, decode

KIND = "tcl"
_OBJECT = lazy_regex(r"libtcl[\d.]*\.so[\d.]*|tclsh[\d.]*")
_READER, _OURS = lazy_regex(r"tclsh[\d.]*|wish[\d.]*|expect[\d.]*|tcl[\d.]*"), lazy_regex(r"\.(tcl|tk|exp|tm)$")
_LIBRARY = lazy_regex(rb"(?<=\0)(/[!-~]{1,200}tcl[\d.]*)(?=\0)")
_PACKAGE_PATH = lazy_regex(rb"(?<=\0)((?:\{?/[!-~]{1,200}\}?[ \t]+)+\{?/[!-~]{1,200}\}?[ \t]*)(?=\0)")
_COMMENT = lazy_regex(r"(?m)^[ \t]*#[^\n]*")
_REQUIRE = lazy_regex(r"\bpackage[ \t]+req(?:u(?:i(?:r(?:e)?)?)?)?[ \t]+(?:-exact[ \t]+)?\{?([\w:.+-]{1,100})")
_PROVIDED = lazy_regex(r"\bpackage[ \t]+ifneeded[ \t]+[{\"]?([\w:.+-]{1,100})[}\"]?")
_BESIDE = lazy_regex(
    r"\$dir[ \t]+([\w.\-/ \t]{1,200})|\$dir/([\w.\-/]{1,200})|\[file[ \t]+join[ \t]+\$dir[ \t]+([\w.\-/ \t]{1,200})\]"
)
_SOURCE = lazy_regex(r"\bsource[ \t]+(?:-encoding[ \t]+\S+[ \t]+)?[{\"]?([\w./-]{1,200})")
_SOURCE_BESIDE = lazy_regex(
    r"\[info[ \t]+script\]\]*[ \t]+[\"{]?([\w./-]{1,200})|\[file[ \t]+dirname[^\]]{0,60}\]+/([\w./-]{1,200})"
)
_BUILT_IN = frozenset({"Tcl", "TclOO", "tcl::tommath", "zlib", "Tk"})
_SPARED = r"demos|examples|man|doc|tests?|.*\.(html|n)"


def find(scene: Scene) -> Iterator[Finding]:
    """The packages that the Tcl programs of the image require, with what these require."""
    for place in scene.objects:
        if _OBJECT.fullmatch(paths.name(place)) and (folders := _auto_path(scene, place)):
            programs = list(programs_of(scene, _READER, _OURS))
            if programs:
                requiring = _Requiring(scene, place, folders)
                requiring.run(programs)
                yield from requiring.loading.findings()
            return


def _auto_path(scene: Scene, place: TreePath) -> list[str]:
    library = [each for each in texts(scene, place, _LIBRARY) if first_file(scene, [f"{each}/init.tcl"])]
    parents = [each.rpartition("/")[0] for each in library]
    built_in = [part.strip("{}") for text in texts(scene, place, _PACKAGE_PATH) for part in text.split()]
    return [each for each in dict.fromkeys((*library, *parents, *built_in)) if each and is_folder(scene, each)]


class _Requiring:
    def __init__(self, scene: Scene, interpreter: TreePath, folders: Sequence[str]) -> None:
        self.loading = Loading(scene, interpreter, KIND)
        self._scene, self._folders = scene, folders
        self._indexes: dict[str, tuple[str, list[str]]] | None = None  # package -> its index, and those above it
        self._seen: set[str] = set()

    def run(self, programs: Sequence[TreePath]) -> None:
        pending = [(str(each), True) for each in programs]
        while pending:
            file, own = pending.pop(0)
            text = _COMMENT.sub("", decode(self._scene.read(file) or b""))
            if not own and file.endswith("pkgIndex.tcl"):
                continue
            for name in _REQUIRE.findall(text):
                fresh = self._require(name, file, own=own)
                pending += [(path, False) for path in fresh if path.endswith((".tcl", ".tm", ".tk"))]
            folder = file.rpartition("/")[0]
            spelled = [*_SOURCE.findall(text), *(one or other for one, other in _SOURCE_BESIDE.findall(text))]
            for path in spelled:
                where = path if path.startswith("/") else f"{folder}/{path}"
                if self.loading.need(where, file, f"source {path}"):
                    pending.append((where, own))

    def _require(self, name: str, by: str, *, own: bool) -> list[str]:
        if name in self._seen:
            return []
        self._seen.add(name)
        detail = f"package require {name}"
        if module := self._module(name):
            return [module] if self.loading.need(module, by, detail) else []
        if self._indexes is None:
            self._indexes = dict(self._read_indexes())
        found = self._indexes.get(name)
        if found is None:
            if own and name not in _BUILT_IN:
                self.loading.warn(f"{by} requires the package {name}, which is in none of {' '.join(self._folders)}")
            return []
        index, above = found
        for each in (*above, index):
            self.loading.need(each, by, detail)
        return self._package(name, index, by)

    def _package(self, name: str, index: str, by: str) -> list[str]:
        """The folder of a package; where many share one, the files that its index names."""
        folder, detail = index.rpartition("/")[0], f"package require {name}"
        text = decode(self._scene.read(index) or b"")
        fresh = []
        for words in _BESIDE.findall(text):
            path = f"{folder}/{'/'.join(' '.join(words).split())}"
            fresh += [path] if self.loading.need(path, by, detail) else []
        if folder not in self._folders and len(set(_PROVIDED.findall(text))) < 20:
            fresh += self.loading.need_folder(folder, by, detail, spared=_SPARED)
        return fresh

    def _module(self, name: str) -> str | None:
        """The newest Tcl module, NAME-VERSION.tm."""
        spelled = name.replace("::", "/")
        tops = [f"{folder}/{each}" for folder in self._folders for each in ("tcl8/8.*", "tcl9/9.*", "tcl8/site-tcl")]
        found = [path for top in tops for path in views.glob(self._scene.view, f"{top}/{spelled}-[0-9]*.tm")]
        return max(found, key=_by_version, default=None)

    def _read_indexes(self) -> Iterator[tuple[str, tuple[str, list[str]]]]:
        """The index of each package: in a folder of auto_path, in one right below, or where such an index leads."""
        for folder in reversed(self._folders):
            for index in (f"{folder}/pkgIndex.tcl", *views.glob(self._scene.view, f"{folder}/*/pkgIndex.tcl")):
                text = decode(self._scene.read(index) or b"")
                if "auto_path" in text:
                    inner = f"{index.rpartition('/')[0]}/*/pkgIndex.tcl"
                    for deeper in views.glob(self._scene.view, inner):
                        for name in _PROVIDED.findall(decode(self._scene.read(deeper) or b"")):
                            yield name, (deeper, [index])
                for name in _PROVIDED.findall(text):
                    yield name, (index, [])


def _by_version(path: str) -> list[int]:
    version = path.removesuffix(".tm").rpartition("-")[2]
    return [int(part) for part in version.split(".") if part.isdigit() and len(part) < 10]

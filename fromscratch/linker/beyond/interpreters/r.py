"""Finder for R: its home with the base packages, and the packages that programs attach.

Follows "R Installation and Administration" (R_HOME, libraries) and "Writing R Extensions", 1.1 (DESCRIPTION).
"""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import Loading, is_file, is_folder, total
from fromscratch.linker.beyond.scripts.shebang import lookup, programs_of
from fromscratch.model import view as views
from fromscratch.paths import TreePath, decode

KIND = "R"
_OBJECT = lazy_regex(r"Rscript|R|libR\.so")
_READER, _OURS = lazy_regex(r"Rscript|R|r|littler"), lazy_regex(r"\.[Rr]$")
_COMMENT = lazy_regex(r"(?m)^[ \t]*#[^\n]*")
_ATTACH = lazy_regex(
    r"\b(?:library|require|requireNamespace|loadNamespace|attachNamespace|p_load)\(\s*(?:package\s*=\s*)?[\"']?([A-Za-z][\w.]{1,60})|\b([A-Za-z][A-Za-z0-9.]{1,60}):::?[\w.]"
)
_SOURCE = lazy_regex(r"\bsource\(\s*(?:file\s*=\s*)?[\"']([^\"'\n]{1,300})[\"']")
_FIELD = lazy_regex(r"(?m)^(?:Depends|Imports):((?:[^\n]*(?:\n[ \t])?)*)")
_NAME = lazy_regex(r"([A-Za-z][\w.]*)\s*(?:\([^)]*\))?\s*(?:,|$)")
_BASE = (
    "base",
    "compiler",
    "datasets",
    "graphics",
    "grDevices",
    "grid",
    "methods",
    "parallel",
    "splines",
    "stats",
    "stats4",
    "tools",
    "utils",
)
_SPARED = r"help|html|doc|demo|tests|testdata|include|po|man|translations|cairo\.so|tcltk|.*\.a"
# What is loaded to draw in windows or through cairo, and brings the libraries of X11 and of Tk.
_GRAPHICS = ("modules/R_X11.so", "modules/R_de.so", "library/grDevices/libs/cairo.so", "library/tcltk")
_FILES = (
    "bin/R",
    "bin/exec",
    "bin/BATCH",
    "bin/Rcmd",
    "etc",
    "lib",
    "modules/internet.so",
    "modules/lapack.so",
    "share",
)
# What R and its scripts run when they start and end: by system(3), in its profile, and in bin/R.
_RUN = ("sh", "sed", "uname", "rm", "which")


def find(scene: Scene) -> Iterator[Finding]:
    """The home of R, less its documentation, and the packages that the programs of the image attach."""
    for place in scene.objects:
        if not _OBJECT.fullmatch(paths.name(place)):
            continue
        for home in _homes(scene, place):
            loading = Loading(scene, place, KIND)
            _start(loading, home)
            _Packages(loading, home).run(list(programs_of(scene, _READER, _OURS)))
            yield from loading.findings()
            return


def _homes(scene: Scene, place: TreePath) -> Iterator[str]:
    """R_HOME: the folder above bin/, bin/exec/ or lib/, or what is installed beside a program in /usr/bin."""
    folder = paths.parent(place)
    above = paths.parent(folder)
    for home in (
        above,
        paths.parent(above),
        f"{above}/lib/R",
        f"{above}/lib64/R",
        *views.glob(scene.view, f"{above}/lib/*/R"),
    ):
        if is_folder(scene, f"{home}/library/base"):
            yield home


def _start(loading: Loading, home: str) -> None:
    """What R opens before it reads a program; /usr/share/R has its parts that no architecture matters to."""
    place = loading.interpreter
    for path in _FILES:
        loading.need_folder(
            f"{home}/{path}", place, "the home of R", spared=r"Makeconf|licenses|texmf|java|.*\.(html|css)"
        )
    for share in views.glob(loading.scene.view, "/usr/share/R/share"):
        loading.need_folder(share, place, "R_SHARE_DIR", spared=r"licenses|texmf|java|make|.*\.(html|css)")
    for name in _BASE:
        loading.need_folder(f"{home}/library/{name}", place, f"the base package {name}", spared=_SPARED)
    for name in _RUN:
        loading.need(lookup(loading.scene, name).path, place, f"runs {name} when it starts or ends")
    for path in _GRAPHICS:
        loading.offer(f"{home}/{path}", "graphics of R")


class _Packages:
    def __init__(self, loading: Loading, home: str) -> None:
        self._loading, self._home = loading, home
        choices = (
            "/usr/local/lib/R/site-library",
            f"{home}/site-library",
            "/usr/lib/R/site-library",
            f"{home}/library",
        )
        self._libraries = [each for each in dict.fromkeys(choices) if is_folder(loading.scene, each)]
        self._seen = set(_BASE) | {"R", "tcltk"}

    def run(self, programs: list[TreePath]) -> None:
        pending = [str(each) for each in programs]
        while pending:
            file = pending.pop(0)
            text = _COMMENT.sub("", decode(self._loading.scene.read(file) or b""))
            for name in (one or other for one, other in _ATTACH.findall(text)):
                self._attach(name, file, own=True)
            for path in _SOURCE.findall(text):
                where = path if path.startswith("/") else f"{file.rpartition('/')[0]}/{path}"
                pending += [where] if self._loading.need(where, file, f"source {path}") else []
        if not programs:
            for library in self._libraries[:-1]:
                for name in views.names(self._loading.scene.view, library):
                    if total(self._loading.scene, f"{library}/{name}", _SPARED):
                        self._loading.offer(f"{library}/{name}", "a package of R", "likely", spared=_SPARED)

    def _attach(self, name: str, by: str, *, own: bool) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        folder = next(
            (
                f"{each}/{name}"
                for each in self._libraries
                if is_file(self._loading.scene, f"{each}/{name}/DESCRIPTION")
            ),
            None,
        )
        if folder is None:
            if own:
                self._loading.warn(f"{by} attaches the package {name}, which is not in {':'.join(self._libraries)}")
            return
        self._loading.need_folder(folder, by, f"library({name})", spared=_SPARED)
        for field in _FIELD.findall(decode(self._loading.scene.read(f"{folder}/DESCRIPTION") or b"")):
            for other in _NAME.findall(field.replace("\n", " ").strip()):
                self._attach(other, f"{folder}/DESCRIPTION", own=False)

"""Finder for Guile: its compiled library, and the modules that programs use, along %load-path and its compiled twin.

Follows the reference manual of Guile 3.0, "Using Guile Modules", "R6RS Libraries" and "Build Config". A module that is
there compiled (.go) is loaded without its source.
"""

from collections.abc import Iterator, Sequence

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import Loading, first_file, folders_in_data
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.paths import TreePath, decode

KIND = "guile"
_OBJECT = lazy_regex(r"libguile-[\d.]+\.so[\d.]*|guile[-\d.]*")
_READER, _OURS = lazy_regex(r"guile[-\d.]*"), lazy_regex(r"\.scm$")
_COMPILED = lazy_regex(rb"(?<=\0)(/[!-~]{1,200}/guile/[\d.]+/(?:site-)?ccache)(?=\0)")
_SOURCES = lazy_regex(rb"(?<=\0)(/[!-~]{1,200}/guile(?:/site)?(?:/[\d.]+)?)(?=\0)")
_EXTENSIONS = lazy_regex(rb"(?<=\0)(/[!-~]{1,200}/guile/[\d.]+/extensions)(?=\0)")
_COMMENT = lazy_regex(r"(?m)^[ \t]*;[^\n]*|#\|.*?\|#")
_USE = lazy_regex(
    r"\(\s*(?:use-modules|define-module|define-library|library|import|use-syntax|@@?|resolve-(?:interface|module))[\s(']"
)
_NAME = lazy_regex(r"\(\s*([\w!$%&*/:<=>?^~+.@-]+(?:\s+[\w!$%&*/:<=>?^~+.@-]+){0,12})\s*\)")
_EXTENSION = lazy_regex(r'\((?:load-extension|dynamic-link)\s+"([^"\n]{1,200})"')
_LOAD = lazy_regex(r'\((?:load|primitive-load|include|include-from-path|load-from-path)\s+"([^"\n]{1,200})"')
_MAX_FORM = 20_000


def find(scene: Scene) -> Iterator[Finding]:
    """The compiled library of Guile, which it does not start without, and what the programs of the image use."""
    for place in scene.objects:
        if not _OBJECT.fullmatch(paths.name(place)):
            continue
        compiled = folders_in_data(scene, place, _COMPILED)
        if not compiled:
            continue
        loading = Loading(scene, place, KIND)
        for folder in compiled:
            if not folder.endswith("/site-ccache"):
                loading.need_folder(folder, place, "the compiled library of Guile")
        using = _Using(loading, compiled, folders_in_data(scene, place, _SOURCES))
        using.extensions = folders_in_data(scene, place, _EXTENSIONS)
        using.run(list(programs_of(scene, _READER, _OURS)))
        yield from loading.findings()
        return


class _Using:
    def __init__(self, loading: Loading, compiled: Sequence[str], sources: Sequence[str]) -> None:
        self._loading, self._compiled, self._sources = loading, compiled, sources
        self.extensions: Sequence[str] = ()

    def run(self, programs: Sequence[TreePath]) -> None:
        pending = [str(each) for each in programs]
        while pending:
            file = pending.pop(0)
            folder = file.rpartition("/")[0]
            text = _COMMENT.sub("", decode(self._loading.scene.read(file) or b""))
            for name in _modules(text):
                pending += self._module(name, file, (folder, *self._sources))
            for path in _LOAD.findall(text):
                where = path if path.startswith("/") else f"{folder}/{path}"
                pending += [where] if self._loading.need(where, file, f"load {path}") else []
            for name in _EXTENSION.findall(text):
                spelled = (f"{each}/{name}{end}" for each in self.extensions for end in (".so", ""))
                library = first_file(self._loading.scene, spelled) or (name if name.startswith("/") else "")
                self._loading.need(library, file, f"load-extension {name}") if library else None

    def _module(self, name: str, by: str, sources: Sequence[str]) -> list[str]:
        """Take a module; its sources are to be read for what they use, even if only the compiled one is loaded."""
        source = first_file(self._loading.scene, (f"{each}/{name}.scm" for each in sources))
        compiled = first_file(self._loading.scene, (f"{each}/{name}.go" for each in self._compiled))
        fresh = False
        for path in filter(None, (compiled, source)):
            if path == source and compiled and self._is_core(source):
                continue
            fresh = self._loading.need(path, by, f"use-modules ({name.replace('/', ' ')})") or fresh
        return [source] if source and fresh else []

    def _is_core(self, source: str | None) -> bool:
        return (
            source is not None
            and "/site/" not in source
            and any(source.startswith(f"{each}/") for each in self._sources)
        )


def _modules(text: str) -> Iterator[str]:
    """The names that may be of modules: lists of symbols in the forms that use modules."""
    for match in _USE.finditer(text):
        form = _form(text, match.start())
        for found in _NAME.findall(form):
            parts = found.split()
            yield "/".join(parts)
            if parts[0] == "srfi" and len(parts) > 1 and parts[1].lstrip(":").isdigit():
                yield f"srfi/srfi-{parts[1].lstrip(':')}"


def _form(text: str, start: int) -> str:
    """The text of the form that begins here, to the parenthesis that closes it."""
    depth = 0
    for at in range(start, min(len(text), start + _MAX_FORM)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return text[start : at + 1]
    return text[start : start + _MAX_FORM]

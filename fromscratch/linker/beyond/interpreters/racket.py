"""Finder for Racket: the modules that programs require, by the dependencies that its compiler recorded (.dep).

Follows "Controlling and Inspecting Compilation" of the guide (compiled-file-roots, compiled/NAME_rkt.zo and .dep) and
"Libraries and Collections". Packages outside the main collections are not looked for.
"""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import Loading, first_file, is_folder
from fromscratch.linker.beyond.rodata import texts
from fromscratch.linker.beyond.scripts.shebang import programs_of
from fromscratch.paths import TreePath, decode

KIND = "racket"
_READER, _OURS = lazy_regex(r"g?racket|mzscheme"), lazy_regex(r"\.(rkt|scrbl|ss)$")
_COLLECTIONS = lazy_regex(rb"coLLECTs dIRECTORy:(/[!-~]{1,200})(?=\0)")
_CONFIGURATION = lazy_regex(rb"coNFIg dIRECTORy:(/[!-~]{1,200})(?=\0)")
_ROOTS = lazy_regex(r"compiled-file-roots\s*\.\s*\(([^)]{0,2000})\)")
_QUOTED = lazy_regex(r'"(/[^"\n]{1,300})"')
_DEPENDENCY = lazy_regex(r'\((?:indirect )?collects((?: #"[^"\n]{1,200}"){1,20})\)')
_PART = lazy_regex(r'#"([^"\n]{1,200})"')
_LANGUAGE = lazy_regex(r"(?m)^#lang[ \t]+([\w/.+-]{1,200})")
_REQUIRE = lazy_regex(r"\(require\b([^;]{0,4000}?)\)[ \t]*(?:\n|$)")
_WORD = lazy_regex(r'"?([A-Za-z][\w/.+-]{0,200})"?')
_ALWAYS = ("racket/base", "racket/runtime-config", "racket/base/lang/reader", "racket/interaction-info")
_INTERACTIVE = ("racket", "racket/init", "racket/interactive", "racket/enter")


def find(scene: Scene) -> Iterator[Finding]:
    """What the Racket programs of the image require; without one, what `racket -e` has at hand."""
    for place in scene.objects:
        collections = texts(scene, place, _COLLECTIONS) if _READER.fullmatch(paths.name(place)) else ()
        folder = next((each.rstrip("/") for each in collections if is_folder(scene, each)), None)
        if folder is None:
            continue
        requiring = _Requiring(Loading(scene, place, KIND), folder)
        requiring.run(list(programs_of(scene, _READER, _OURS)))
        yield from requiring.loading.findings()
        return


class _Requiring:
    def __init__(self, loading: Loading, collections: str) -> None:
        self.loading, self._collections = loading, collections
        scene, place = loading.scene, loading.interpreter
        self._roots = [""]
        for folder in texts(scene, place, _CONFIGURATION):
            loading.need(f"{folder}/config.rktd", place, "its configuration")
            written = _ROOTS.search(decode(scene.read(f"{folder}/config.rktd") or b""))
            self._roots += _QUOTED.findall(written[1]) if written else []
        self._seen: set[str] = set()

    def run(self, programs: list[TreePath]) -> None:
        place = self.loading.interpreter
        for name in (*_ALWAYS, *(() if programs else _INTERACTIVE)):
            self._module(name, place)
        pending = [str(each) for each in programs]
        while pending:
            file = pending.pop(0)
            text, folder = decode(self.loading.scene.read(file) or b""), file.rpartition("/")[0]
            for language in _LANGUAGE.findall(text):
                self._module(language, file)
                self._module(f"{language}/lang/reader", file)
            for word in (word for form in _REQUIRE.findall(text) for word in _WORD.findall(form)):
                beside = f"{folder}/{word}"
                if word.endswith(".rkt") and self.loading.need(beside, file, f"require {word}"):
                    pending.append(beside)
                else:
                    self._module(word, file)

    def _module(self, name: str, by: str) -> None:
        """Take the module of a collection, NAME.rkt or NAME/main.rkt, and all that its compiled form depends on."""
        spelled = (f"{name}.rkt", f"{name}/main.rkt")
        pending = [each for each in spelled if first_file(self.loading.scene, [f"{self._collections}/{each}"])][:1]
        while pending:
            module = pending.pop(0)
            if module in self._seen:
                continue
            self._seen.add(module)
            source = f"{self._collections}/{module}"
            self.loading.need(source, by, f"require {name}")
            folder, _, file = source.rpartition("/")
            for root in self._roots:
                compiled = f"{root}{folder}/compiled/{file.replace('.', '_')}"
                if self.loading.need(f"{compiled}.zo", source, "its compiled form"):
                    self.loading.need(f"{compiled}.dep", source, "what its compiled form depends on")
                    pending += _dependencies(decode(self.loading.scene.read(f"{compiled}.dep") or b""))
                    break


def _dependencies(text: str) -> list[str]:
    return ["/".join(_PART.findall(parts)) for parts in _DEPENDENCY.findall(text)]

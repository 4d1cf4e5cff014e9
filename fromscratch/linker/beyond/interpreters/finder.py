"""Finder for interpreters: each language's module is loaded where the image has a program or library of its name."""

from collections.abc import Iterator
from importlib import import_module

from fromscratch import paths
from fromscratch.advice import Setting, advice
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import FinderWarning, Finding, Scene

KIND = "interpreters"
_HOMES = lazy_regex(
    r"libtcl.*|tclsh.*|libtk\d.*|wish.*|gawk.*|emacs.*|sbcl|swipl|libswipl.*|octave.*|julia|libjulia.*|mono.*|ocamlrun.*"
    r"|clisp|lisp\.run|gforth.*|chezscheme.*|scheme|petite|libchicken.*"
)
_LANGUAGES = (
    ("homes", _HOMES),
    ("lua", lazy_regex(r"(lib)?lua.*")),
    ("tcl", lazy_regex(r"libtcl.*|tclsh.*")),
    ("guile", lazy_regex(r"(lib)?guile.*")),
    ("php", lazy_regex(r"(lib|ls)?php.*")),
    ("racket", lazy_regex(r"g?racket|mzscheme")),
    ("r", lazy_regex(r"Rscript|R|libR\.so")),
)
_STARTS_ERLANG = lazy_regex(r"/bin/(erl|escript|erlexec|beam(\.smp)?|elixir|iex|mix)$|/releases/start_erl\.data$")
# Interpreters and compilers whose modules no finder looks for.
_UNKNOWN = lazy_regex(
    r"(?P<GHC>ghc(i)?(-[\d.]+)?)|(?P<Pike>pike[\d.]*)|(?P<Smalltalk>gst)"
    r"|(?P<Scilab>scilab-.*)|(?P<Io>io)|(?P<Maxima>maxima.*)"
)


def find(scene: Scene) -> Iterator[Finding]:
    """What the interpreters of the image load."""
    names = [paths.name(place) for place in scene.objects]
    for module, pattern in _LANGUAGES:
        if any(pattern.fullmatch(name) for name in names):
            yield from import_module(f"fromscratch.linker.beyond.interpreters.{module}").find(scene)
    if any(_STARTS_ERLANG.search(place) for places in (scene.objects, scene.files) for place in places):
        yield from import_module("fromscratch.linker.beyond.interpreters.erlang").find(scene)
    yield from import_module("fromscratch.linker.beyond.interpreters.dotnet").find(scene)
    for place in scene.objects:
        if found := _UNKNOWN.fullmatch(paths.name(place)):
            text = f"{place} is of {found.lastgroup}, whose modules are not looked for: name the folders that it reads"
            yield FinderWarning(advice(f"{text} by ", Setting("add")), KIND)

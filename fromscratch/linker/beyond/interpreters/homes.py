"""Library folders without which an interpreter does not start: named in its constant data, or beside it.

Each is taken whole, less what is for people to read, since what a program asks of it is not known before it runs.
"""

import re
from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from fromscratch import paths
from fromscratch.linker.beyond.contract import Finding, Scene
from fromscratch.linker.beyond.interpreters.loading import Loading, folders_in_data, is_file
from fromscratch.model import view as views
from fromscratch.paths import TreePath


class Home(Struct, frozen=True):
    """One library of an interpreter.

    `objects` matches the name of the interpreter or of its shared library. `data` matches in its constant data, and
    its first group is a folder; `near` are paths from the folder of the interpreter, where wildcards are allowed.
    Of these, the folders count that have `mark` in them. `spared` matches names of files and folders to leave out.
    """

    language: str
    objects: str
    data: bytes = b""
    near: tuple[str, ...] = ()
    mark: str = ""
    spared: str = ""


_NATIVE = ("/*/preloaded", "/../../../../share/emacs/*/lisp")

HOMES = (
    Home("tcl", r"libtcl[\d.]*\.so[\d.]*|tclsh[\d.]*", rb"/[!-~]{1,200}tcl[\d.]*", mark="init.tcl"),
    Home("tcl", r"libtk[\d.]*\.so[\d.]*|wish[\d.]*", rb"/[!-~]{1,200}tk[\d.]*", mark="tk.tcl", spared=r"demos|images"),
    Home("gawk", r"gawk[-\d.]*", rb"/[!-~]{1,200}/gawk", mark="*.so"),
    Home("gawk", r"gawk[-\d.]*", rb"/[!-~]{1,200}/awk", mark="*.awk"),
    Home("emacs", r"emacs[-\w.]*", rb"/[!-~]{1,200}/emacs/[\d.]+/lisp", mark="subdirs.el", spared=r".*\.el\.gz"),
    Home(
        "emacs",
        r"emacs[-\w.]*",
        rb"/[!-~]{1,200}/emacs/[\d.]+/etc",
        mark="charsets",
        spared=r"tutorials|refcards|images|org|.*\.(xpm|pdf|svg|txt)|(NEWS|ONEWS|MH-E-|PROBLEMS|TODO|HISTORY|JOKES|FTP|MACHINES)[-\w.]*",
    ),
    Home("emacs", r"emacs[-\w.]*", rb"/[!-~]{1,200}/emacs/[\d.]+/[^/\0]+", mark="*.pdmp"),
    Home(
        "emacs",
        r"emacs[-\w.]*",
        # One that is compiled to machine code finds that by the hash of the source.
        near=(*(f"{lib}/emacs/*/native-lisp{rest}" for lib in ("../lib", "../lib/*") for rest in _NATIVE),),
    ),
    Home("sbcl", r"sbcl", near=("../lib/sbcl",), mark="sbcl.core", spared=r"sbcl\.mk"),
    Home(
        "swipl",
        r"swipl|libswipl\.so[\d.]*",
        rb"/[!-~]{1,200}/swi-?p(?:ro)?l(?:og)?",
        mark="boot.prc",
        spared=r"doc|demo|include|man|.*\.qlf-old",
    ),
    Home(
        "octave",
        r"octave(-cli)?(-[\d.]+)?",
        near=(
            "../share/octave/*/m",
            "../share/octave/*/etc/built-in-docstrings",
            "../lib/*/octave/*/oct/*",
            "../lib/octave/*/oct/*",
        ),
        # What draws windows and plays sound, and the index that would look for it.
        spared=r"\+test|legacy_tests|__init_(fltk|gnuplot)__\.oct|audio.*\.oct|PKG_ADD",
    ),
    Home(
        "julia",
        r"julia|libjulia(-internal)?\.so[\d.]*",
        near=("../lib/julia", "../lib/*/julia", "julia", "../share/julia"),
        mark="*",
        spared=r"doc|test|.*\.a|src",
    ),
    Home(
        "mono",
        r"mono(-sgen|-boehm)?",
        near=("../lib/mono/4.5", "/etc/mono/config", "/etc/mono/4.5"),
        spared=r".*\.(pdb|mdb|exe)",
    ),
    Home(
        "ocaml",
        r"ocamlrun[\w.]*",
        near=(
            "../lib/ocaml/ld.conf",
            "../lib/ocaml/stublibs",
            "../lib/*/ocaml/ld.conf",
            "../local/lib/ocaml/*/stublibs",
        ),
    ),
    Home(
        "clisp",
        r"clisp|lisp\.run",
        near=("../lib/clisp*/base", "../lib/*/clisp*/base"),
        mark="lispinit.mem",
        spared=r".*\.(a|o|h)",
    ),
    Home("gforth", r"gforth[\w.-]*", near=("../lib/gforth/*", "../lib/*/gforth/*", "../share/gforth/*"), mark="*"),
    Home("chezscheme", r"chezscheme[\d.]*|scheme|petite", near=("../lib/csv*/*",), mark="petite.boot"),
    Home(
        "chicken",
        r"libchicken\.so[\d.]*",
        near=("chicken/*", "../lib/*/chicken/*", "../lib/chicken/*"),
        mark="*.import.so",
    ),
)


def find(scene: Scene) -> Iterator[Finding]:
    """The folders of the interpreters that the image has."""
    for place in scene.objects:
        for home in HOMES:
            if re.fullmatch(home.objects, paths.name(place)):
                yield from scene.once((home, place), partial(_library, scene, place, home))


def _library(scene: Scene, place: TreePath, home: Home) -> tuple[Finding, ...]:
    loading = Loading(scene, place, home.language)
    for folder in _folders(scene, place, home):
        loading.need_folder(folder, place, f"the library of {home.language}", spared=home.spared)
    return tuple(loading.findings())


def _folders(scene: Scene, place: TreePath, home: Home) -> Iterator[str]:
    found: dict[str, None] = {}
    if home.data:
        pattern = re.compile(rb"(?<=\0)(?:\.:)?(" + home.data + rb")(?=\0)")
        found.update(dict.fromkeys(folders_in_data(scene, place, pattern)))
    for near in home.near:
        found.update(
            dict.fromkeys(views.glob(scene.view, near if near.startswith("/") else f"{paths.parent(place)}/{near}"))
        )
    for path in found:
        if not home.mark or is_file(scene, path) or any(views.glob(scene.view, f"{path}/{home.mark}")):
            yield path

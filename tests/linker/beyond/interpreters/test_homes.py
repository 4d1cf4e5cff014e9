"""Library folders of interpreters: those in their constant data that have what they look for, and those beside them."""

import pytest

from fromscratch.linker.beyond.interpreters import finder, homes
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import listing, paths_needed


@pytest.mark.parametrize(
    ("place", "data", "block", "taken"),
    [
        ("/usr/bin/tclsh8.6", "/usr/share/tcl8.6\0/usr/include/tcl8.6", "/usr/share/tcl8.6/init.tcl", True),
        ("/usr/bin/tclsh8.6", "/usr/share/tcl8.6", "/usr/share/tcl8.6/other.tcl", False),
        ("/usr/bin/gawk", "/usr/lib/gawk", "/usr/lib/gawk/filefuncs.so", True),
        ("/usr/bin/gawk", ".:/usr/share/awk", "/usr/share/awk/getopt.awk", True),
        ("/usr/bin/mawk", "/usr/lib/gawk", "/usr/lib/gawk/filefuncs.so", False),
        ("/usr/bin/sbcl", "", "/usr/lib/sbcl/sbcl.core", True),
        ("/opt/bin/sbcl", "", "/opt/lib/sbcl/sbcl.core", True),
        ("/usr/bin/swipl", "/usr/lib/swi-prolog", "/usr/lib/swi-prolog/boot.prc", True),
        ("/usr/bin/octave-cli-7.3.0", "", "/usr/share/octave/7.3.0/m/mean.m", True),
        ("/usr/bin/mono-sgen", "", "/usr/lib/mono/4.5/mscorlib.dll", True),
        ("/usr/bin/emacs-nox", "/usr/libexec/emacs/28.2/x86_64", "/usr/libexec/emacs/28.2/x86_64/emacs.pdmp", True),
    ],
)  # fmt: skip
def test_the_folder_of_an_interpreter(place: str, data: str, block: str, taken: bool) -> None:
    found = paths_needed(homes.find(system(f"f 0644 0:0 {block} ''", {place: program(data=data)})))
    assert found == ([block] if taken else [])


def test_sources_of_emacs_are_taken_where_compiled_code_is_found_by_them() -> None:
    lisp = "/usr/share/emacs/28.2/lisp"
    block = f"""
        f 0644 0:0 {lisp}/subdirs.el ''
        f 0644 0:0 {lisp}/simple.elc ''
        f 0644 0:0 {lisp}/simple.el.gz ''
    """
    emacs = {"/usr/bin/emacs": program(data=lisp)}
    native = "f 0644 0:0 /usr/lib/emacs/28.2/native-lisp/28.2-6ac/preloaded/simple-1-2.eln ''"
    assert f"{lisp}/simple.el.gz" not in paths_needed(homes.find(system(block, emacs)))
    assert f"{lisp}/simple.el.gz" in paths_needed(homes.find(system(f"{block}\n{native}", emacs)))


def test_a_language_that_is_not_looked_into_is_said() -> None:
    assert listing(finder.find(system("", {"/usr/bin/pike8.0": program()}))) == (
        "warning interpreters /usr/bin/pike8.0 is of Pike, whose modules are not looked for: name the folders that it"
        " reads by add"
    )

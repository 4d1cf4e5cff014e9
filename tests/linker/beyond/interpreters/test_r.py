"""R: its home with the base packages, and the packages that programs attach."""

from fromscratch.linker.beyond.interpreters import r
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import listing, paths_needed

R = {"/usr/bin/Rscript": program()}
SITE = "/usr/lib/R/site-library"
TREE = f"""
    f 0755 0:0 /usr/lib/R/bin/R ''
    f 0644 0:0 /usr/lib/R/library/base/R/base.rdb ''
    f 0644 0:0 /usr/lib/R/library/base/help/base.rdb ''
    f 0644 0:0 /usr/lib/R/modules/R_X11.so '\\x7fELF'
    f 0644 0:0 {SITE}/one/DESCRIPTION 'Imports: two (>= 1.0),\\n    utils\\nSuggests: three\\n'
    f 0644 0:0 {SITE}/two/DESCRIPTION 'Depends: R (>= 3)\\n'
    f 0644 0:0 {SITE}/two/libs/two.so '\\x7fELF'
    f 0644 0:0 {SITE}/three/DESCRIPTION ''
    f 0644 0:0 /srv/own.R 'library(three)'
"""
HOME = ["/usr/lib/R/bin/R", "/usr/lib/R/library/base/R/base.rdb"]


def files_for(code: str) -> list[str]:
    line = f"f 0755 0:0 /srv/app {'#!/usr/bin/Rscript' + chr(10) + code!r}"
    found = paths_needed(r.find(system(TREE + line, R, "/srv/app")))
    assert found[:2] == HOME
    return [each.removeprefix(f"{SITE}/") for each in found[2:]]


def test_packages_are_taken_with_those_that_they_import() -> None:
    expected = ["one/DESCRIPTION", "two/DESCRIPTION", "two/libs/two.so"]
    for code in ("library(one)", "require('one')", "x <- one::f(1)", 'requireNamespace("one", quietly = TRUE)'):
        assert files_for(code) == expected
    assert files_for("# library(one)\nlibrary(stats)") == []


def test_a_source_beside_the_program_is_followed() -> None:
    assert files_for("source('own.R')") == ["/srv/own.R", "three/DESCRIPTION"]


def test_a_package_that_is_nowhere_is_said() -> None:
    line = f"f 0755 0:0 /srv/app {'#!/usr/bin/Rscript' + chr(10) + 'library(nowhere)'!r}"
    assert listing(r.find(system(TREE + line, R, "/srv/app"))).splitlines()[-1] == (
        "warning R /srv/app attaches the package nowhere, which is not in /usr/lib/R/site-library:/usr/lib/R/library"
    )


def test_without_a_program_packages_are_offered_and_so_are_graphics() -> None:
    assert [line for line in listing(r.find(system(TREE, R))).splitlines() if line.startswith("offer")] == [
        "offer R /usr/lib/R/modules/R_X11.so, graphics of R",
        "offer R /usr/lib/R/site-library/one, a package of R",
        "offer R /usr/lib/R/site-library/two, a package of R",
    ]

"""Guile: its compiled library, and the modules that programs use."""

from fromscratch.linker.beyond.interpreters import guile
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import system
from tests.linker.beyond.scenes import paths_needed

SHARE, LIB = "/usr/share/guile", "/usr/lib/guile/3.0"
NAMES = (
    f"{SHARE}/site/3.0",
    f"{SHARE}/3.0",
    f"{SHARE}/site",
    f"{LIB}/ccache",
    f"{LIB}/site-ccache",
    f"{LIB}/extensions",
)
GUILE = {
    "/usr/lib/libguile-3.0.so.1": elf(
        soname="libguile-3.0.so.1", data=b"\0" + b"\0".join(each.encode() for each in NAMES) + b"\0"
    )
}
TREE = f"""
    f 0755 0:0 /usr/bin/guile ''
    f 0644 0:0 {LIB}/ccache/ice-9/boot-9.go ''
    f 0644 0:0 {LIB}/ccache/srfi/srfi-1.go ''
    f 0644 0:0 {SHARE}/3.0/srfi/srfi-1.scm ''
    f 0644 0:0 {SHARE}/site/3.0/json.scm '(define-module (json) #:use-module (json parser))'
    f 0644 0:0 {SHARE}/site/3.0/json/parser.scm '(load-extension "libjson" "init")'
    f 0644 0:0 {LIB}/site-ccache/json.go ''
    f 0644 0:0 {LIB}/site-ccache/other.go ''
    f 0644 0:0 {LIB}/extensions/libjson.so '\\x7fELF'
    f 0644 0:0 /srv/own.scm ''
"""
CORE = [f"{LIB}/ccache/ice-9/boot-9.go", f"{LIB}/ccache/srfi/srfi-1.go"]


def files_for(code: str) -> list[str]:
    line = f"f 0755 0:0 /srv/app {'#!/usr/bin/guile -s' + chr(10) + '!#' + chr(10) + code!r}"
    return [each for each in paths_needed(guile.find(system(TREE + line, GUILE, "/srv/app"))) if each not in CORE]


def test_the_compiled_library_is_taken_whole() -> None:
    assert paths_needed(guile.find(system(TREE, GUILE))) == CORE


def test_modules_are_taken_with_what_they_use_and_load() -> None:
    taken = [f"{LIB}/site-ccache/json.go", f"{SHARE}/site/3.0/json.scm", f"{SHARE}/site/3.0/json/parser.scm"]
    for code in ("(use-modules (srfi srfi-1)\n ((json) #:select (scm->json)))", "(import (json))", "((@ (json) x) 1)"):
        assert files_for(code) == [*taken, f"{LIB}/extensions/libjson.so"]


def test_what_is_no_module_is_passed_over() -> None:
    assert files_for("; (use-modules (json))\n(use-modules (nowhere)) (define (json) 1)") == []


def test_files_beside_the_program_are_found() -> None:
    assert files_for('(load "own.scm")') == files_for("(use-modules (own))") == ["/srv/own.scm"]

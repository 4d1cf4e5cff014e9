"""Racket: the modules that programs require, by the dependencies that its compiler recorded."""

from fromscratch.linker.beyond.interpreters import racket
from tests.linker.beyond.objects import program, system
from tests.linker.beyond.scenes import paths_needed

TOP = "/usr/share/racket/collects"
ROOT = f"/usr/lib/racket/compiled{TOP}"
RACKET = {"/usr/bin/racket": program(data=f"coLLECTs dIRECTORy:{TOP}\0coNFIg dIRECTORy:/etc/racket")}
TREE = f"""
    f 0644 0:0 /etc/racket/config.rktd '(compiled-file-roots . (same "/usr/lib/racket/compiled"))'
    f 0644 0:0 {TOP}/json/main.rkt ''
    f 0644 0:0 {ROOT}/json/compiled/main_rkt.zo ''
    f 0644 0:0 {ROOT}/json/compiled/main_rkt.dep '("8.7" (collects #"racket" #"list.rkt") (indirect collects #"x.rkt"))'
    f 0644 0:0 {TOP}/racket/list.rkt ''
    f 0644 0:0 {ROOT}/racket/compiled/list_rkt.zo ''
    f 0644 0:0 /srv/own.rkt ''
"""


def files_for(code: str) -> list[str]:
    line = f"f 0755 0:0 /srv/app {'#!/usr/bin/racket' + chr(10) + code!r}"
    return paths_needed(racket.find(system(TREE + line, RACKET, "/srv/app")))


def test_a_module_is_taken_with_its_compiled_form_and_what_that_depends_on() -> None:
    assert files_for('#lang x\n(require json (only-in "own.rkt" f))') == [
        "/etc/racket/config.rktd",
        f"{TOP}/json/main.rkt",
        f"{ROOT}/json/compiled/main_rkt.zo",
        f"{ROOT}/json/compiled/main_rkt.dep",
        f"{TOP}/racket/list.rkt",
        f"{ROOT}/racket/compiled/list_rkt.zo",
        "/srv/own.rkt",
    ]

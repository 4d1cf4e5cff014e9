"""Tests of files answer about a tree what test(1) answers about a folder with the same content."""

import os
import subprocess
from itertools import product
from pathlib import Path

import pytest

from fromscratch.transforms.shell.file_tests import BINARY, compare_files, file_test
from fromscratch.transforms.shell.machine import NotUnderstood
from tests import trees
from tests.transforms.shell import beside

TREE = trees.tree("""
    d 0755 0:0 /a
    f 0644 0:0 /a/empty
    f 0755 0:0 /a/run 'x'
    f 4644 0:0 /a/setuid 'x'
    f 2644 0:0 /a/setgid 'x'
    d 1777 0:0 /sticky
    l 0777 0:0 /link -> a/empty
    l 0777 0:0 /broken -> nothing
    l 0777 0:0 /folder -> a
    f 0644 0:0 /one 'x'
    h 0644 0:0 /two => /one
    p 0644 0:0 /fifo
""")
PLACES = ["a", "a/", *(path[1:] for path in TREE if path.count("/") == 2), "sticky", "link", "broken", "folder"]
PLACES += ["folder/run", "one", "two", "fifo", "nothing", "one/x"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root may do what its tree has no bit for")
def test_every_test_of_one_file(tmp_path: Path) -> None:
    beside.write(TREE, tmp_path / "root")
    machine = beside.machine_of(TREE)
    cases = [*product("bcdefghkLprsuwxOG", PLACES)]
    script = "".join(f'if [ -{letter} "{place}" ]; then echo yes; else echo no; fi\n' for letter, place in cases)
    answers = _shell(script, tmp_path / "root")
    ours = ["yes" if file_test(machine, letter, f"/{place}") else "no" for letter, place in cases]
    assert [*zip(cases, ours, strict=True)] == [*zip(cases, answers, strict=True)]


def test_names_of_one_file_and_times() -> None:
    machine = beside.machine_of(TREE)
    assert compare_files(machine, "-ef", "/one", "/two")
    assert compare_files(machine, "-ef", "/link", "/a/empty")
    assert not compare_files(machine, "-ef", "/one", "/a/run")
    assert not compare_files(machine, "-ef", "/nothing", "/nothing")
    assert compare_files(machine, "-nt", "/one", "/nothing")
    assert not compare_files(machine, "-nt", "/nothing", "/one")
    assert compare_files(machine, "-ot", "/nothing", "/one")
    with pytest.raises(NotUnderstood):
        compare_files(machine, "-nt", "/one", "/a/run")
    assert {"-nt", "-ot", "-ef"} == BINARY


def test_devices_that_every_container_has_are_there() -> None:
    machine = beside.machine_of(TREE)
    assert [letter for letter in "bcdefhprsw" if file_test(machine, letter, "/dev/null")] == ["c", "e", "r", "w"]


def _shell(script: str, folder: Path) -> list[str]:
    done = subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, cwd=folder, check=True)
    return done.stdout.split()

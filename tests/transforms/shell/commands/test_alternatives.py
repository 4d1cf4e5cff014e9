"""Links of update-alternatives and of Apache's modules."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, Result
from tests.trees import tree

BASE = """
f 0755 0:0 /usr/bin/nano 'x'
f 0755 0:0 /usr/bin/vim.basic 'x'
f 0755 0:0 /usr/bin/vim.tiny 'x'
f 0755 0:0 /usr/bin/taken 'x'
f 0644 0:0 /usr/share/man/man1/vim.1 'x'
d 0755 0:0 /etc/alternatives
"""
BASIC = (
    "--install /usr/bin/editor editor /usr/bin/vim.basic 30 "
    "--slave /usr/share/man/man1/editor.1 editor.1 /usr/share/man/man1/vim.1 "
    "--slave /usr/share/man/man1/none.1 none.1 /usr/share/man/man1/none-there.1"
)
NANO = "--install /usr/bin/editor editor /usr/bin/nano 40"
TINY = "--install /usr/bin/editor editor /usr/bin/vim.tiny 40"


def machine_of(block: str = BASE) -> Machine:
    machine = Machine(ChangingTree(tree(block)), label="source", architecture="amd64", packages=())
    machine.package, machine.script, machine.line = "pkg", "postinst", 7
    return machine


def run(machine: Machine, line: str) -> Result:
    words = tuple(shlex.split(line))
    return COMMANDS[words[0]].run(machine, Call(words))


def links(machine: Machine) -> dict[str, str]:
    found = machine.tree.finished()
    return {path: entry.target for path, entry in found.items() if hasattr(entry, "target")}


SERIES = {
    "one": [BASIC],
    "the higher priority counts": [BASIC, NANO],
    "the first of equals stays": [BASIC, NANO, TINY],
    "by hand": [BASIC, NANO, "--set editor /usr/bin/vim.basic"],
    "by hand and back": [NANO, BASIC, "--set editor /usr/bin/vim.basic", "--auto editor"],
    "the best goes": [BASIC, NANO, "--remove editor /usr/bin/nano"],
    "all go": [BASIC, NANO, "--remove-all editor"],
    "none is there": ["--install /usr/bin/editor editor /usr/bin/not-there 9"],
    "a file is in the way": ["--install /usr/bin/taken taken /usr/bin/nano 9"],
    "unknown": ["--auto other", "--set editor /usr/bin/nano", "--remove other /x"],
    "questions": [BASIC, NANO, "--query editor", "--list editor", "--list other"],
}


@pytest.mark.skipif(not shutil.which("update-alternatives"), reason="no update-alternatives here to compare with")
@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
def test_links_and_answers_are_those_of_the_real_program(series: list[str], tmp_path: Path) -> None:
    machine = machine_of()
    for path in tree(BASE):
        place = tmp_path / path[1:]
        if "." in place.name or place.parent.name == "bin":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("x")
    for name in ("etc/alternatives", "var/lib/dpkg/alternatives", "var/log"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    for line in series:
        call = ["update-alternatives", "--root", str(tmp_path), "--log", "/dev/null", "--quiet", *shlex.split(line)]
        real = subprocess.run(call, capture_output=True)
        ours = run(machine, f"update-alternatives {line}")
        assert (ours.status, ours.output) == (real.returncode, real.stdout)
    made = {
        f"/{place.relative_to(tmp_path)}": str(place.readlink()) for place in tmp_path.rglob("*") if place.is_symlink()
    }
    assert links(machine) == made


APACHE = r"""
d 0755 0:0 /etc/apache2/mods-enabled
d 0755 0:0 /etc/apache2/sites-enabled
f 0644 0:0 /etc/apache2/mods-available/ssl.load '# Depends: setenvif mime\nLoadModule\n'
f 0644 0:0 /etc/apache2/mods-available/ssl.conf 'x'
f 0644 0:0 /etc/apache2/mods-available/setenvif.load 'x'
f 0644 0:0 /etc/apache2/mods-available/mime.load '# Depends: ssl\n'
f 0644 0:0 /etc/apache2/mods-available/mpm_event.load '# Conflicts: mpm_worker\n'
f 0644 0:0 /etc/apache2/mods-available/mpm_worker.load '# Conflicts: mpm_event\n'
f 0644 0:0 /etc/apache2/sites-available/000-default.conf 'x'
"""


def test_a_module_is_enabled_with_those_that_it_depends_on() -> None:
    machine = machine_of(APACHE)
    assert run(machine, "a2enmod -m -q ssl").status == 0
    assert links(machine) == {
        f"/etc/apache2/mods-enabled/{name}": f"../mods-available/{name}"
        for name in ("mime.load", "setenvif.load", "ssl.conf", "ssl.load")
    }
    assert run(machine, "a2dismod ssl").status == 0
    assert not any("ssl" in link for link in links(machine))


def test_modules_that_conflict_or_are_missing_are_not_enabled() -> None:
    machine = machine_of(APACHE)
    assert run(machine, "a2enmod mpm_event").status == 0
    assert run(machine, "a2enmod mpm_worker").status == 1
    assert run(machine, "a2enmod none").status == 1
    assert run(machine, "a2query -M").output == b"event\n"
    assert run(machine, "a2query -m mpm_event").status == 0
    assert run(machine, "a2query -m ssl").status == 32


def test_a_site_is_enabled_by_its_name_with_or_without_the_ending() -> None:
    machine = machine_of(APACHE)
    assert run(machine, "a2ensite 000-default.conf").status == 0
    assert links(machine) == {"/etc/apache2/sites-enabled/000-default.conf": "../sites-available/000-default.conf"}

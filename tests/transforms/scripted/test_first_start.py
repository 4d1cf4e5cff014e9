"""What a container makes for itself when it first starts."""

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.transforms.scripted.first_start import first_commands, missing_interpreters, with_first_commands
from fromscratch.transforms.shell.left_out import LeftOut
from tests.trees import tree


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ssh-keygen -q -f \"$file\" -N '' \"$@\"", ["ssh-keygen -A"]),
        ("nsd-control-setup >/dev/null 2>&1", ["[ -e /etc/nsd/nsd_server.key ] || nsd-control-setup"]),
        ("TMPDIR='' bash /usr/bin/mariadb-install-db --rpm", [
            "[ -d /var/lib/mysql/mysql ] || mariadb-install-db --datadir=/var/lib/mysql > /dev/null"
        ]),
        ("rndc-confgen -a", ["[ -e /etc/bind/rndc.key ] || rndc-confgen -a -u bind"]),
        ("chown web /etc/ssh-keygen.d", []),
    ],
)  # fmt: skip
def test_the_command_that_makes_the_same_when_a_container_starts(command: str, expected: list[str]) -> None:
    left_out = LeftOut("web", "postinst", 1, command, "why", "content")
    assert first_commands([left_out, left_out]) == expected


def test_the_command_of_the_image_follows_them() -> None:
    assert with_first_commands(["/usr/sbin/web", "-x", "a b"], []) == ("/usr/sbin/web", "-x", "a b")
    first = ["ssh-keygen -A", "[ -e /a ] || make a"]
    words = with_first_commands(["/usr/sbin/web", "a b"], first)
    assert words == ("/bin/sh", "-c", "ssh-keygen -A && { [ -e /a ] || make a; } && exec /usr/sbin/web 'a b'")


def test_the_interpreter_that_a_script_among_them_lacks() -> None:
    there = ChangingTree(tree(r"""
        f 0755 0:0 /usr/sbin/make-a '#!/bin/bash -e\n'
        f 0755 0:0 /usr/bin/make-b '#!/usr/bin/perl\n'
        f 0755 0:0 /usr/bin/perl ''
    """))  # fmt: skip
    assert missing_interpreters(there, ["make-a x", "[ -e /b ] || make-b", "make-c"]) == ["bash"]

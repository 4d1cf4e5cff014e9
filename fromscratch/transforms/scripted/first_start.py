"""What a container makes for itself when it first starts, since no image may have it: keys, and first databases."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import File
from fromscratch.paths import decode
from fromscratch.transforms.scripted.units import program
from fromscratch.transforms.shell.left_out import LeftOut

# The command of a script that was left out -> what makes the same in a container, and nothing when it starts again.
_COMMANDS: Mapping[str, str] = {
    # The program itself asks debconf, whose questions an image does not have.
    "make-ssl-cert": "[ -e /etc/ssl/private/ssl-cert-snakeoil.key ] || openssl req -x509 -newkey rsa:2048 -nodes "
    "-days 3650 -subj /CN=localhost -keyout /etc/ssl/private/ssl-cert-snakeoil.key "
    "-out /etc/ssl/certs/ssl-cert-snakeoil.pem 2> /dev/null",
    "mariadb-install-db": "[ -d /var/lib/mysql/mysql ] || mariadb-install-db --datadir=/var/lib/mysql > /dev/null",
    "nsd-control-setup": "[ -e /etc/nsd/nsd_server.key ] || nsd-control-setup",
    "rndc-confgen": "[ -e /etc/bind/rndc.key ] || rndc-confgen -a -u bind",
    "ssh-keygen": "ssh-keygen -A",
    "unbound-control-setup": "[ -e /etc/unbound/unbound_server.key ] || unbound-control-setup",
}
_LINE = 256
_WORD = re.compile(r"[\w.+/-]+")


def first_commands(left_out: Iterable[LeftOut]) -> list[str]:
    """The commands, in shell, by which a container makes what these would have made; each one once."""
    names = [word.rpartition("/")[2] for one in left_out for word in _WORD.findall(one.command)]
    return list(dict.fromkeys(_COMMANDS[name] for name in names if name in _COMMANDS))


def missing_interpreters(tree: ChangingTree, first: Iterable[str]) -> list[str]:
    """The interpreters of those commands that are scripts, where the tree has none, as their packages' names."""
    found = []
    for name in (name for each in first for name in _WORD.findall(each)):
        path = program(tree, name)
        entry = tree.find(path) if path is not None else None
        if isinstance(entry, File):
            with entry.content.open() as stream:
                line = stream.readline(_LINE)
            words = decode(line[2:]).split() if line.startswith(b"#!") else []
            if words and tree.find(words[0]) is None:
                found.append(words[0].rpartition("/")[2])
    return list(dict.fromkeys(found))


def with_first_commands(command: Sequence[str], first: Sequence[str]) -> tuple[str, ...]:
    """A command that runs these first, and then is what it was."""
    if not first:
        return tuple(command)
    steps = [f"{{ {each}; }}" if "||" in each else each for each in first]
    return ("/bin/sh", "-c", " && ".join([*steps, f"exec {shlex.join(command)}"]))

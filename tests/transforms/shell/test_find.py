"""find, and the commands that it and xargs run, do what the real ones do."""

import os
import shlex

import pytest

from fromscratch.transforms.shell.machine import NotUnderstood
from tests import trees
from tests.transforms.shell import beside

TREE = """
    d 0755 0:0 /a
    f 0644 0:0 /a/one.conf 'one\\n'
    f 0755 0:0 /a/run.sh 'x'
    f 0600 0:0 /a/.hidden 'x'
    f 0644 0:0 /a/empty
    l 0777 0:0 /a/link -> one.conf
    l 0777 0:0 /a/broken -> nothing
    d 0700 0:0 /a/deep
    f 0640 0:0 /a/deep/two.conf 'two\\n'
    d 0755 0:0 /a/deep/er
    d 0755 0:0 /a/hollow
    l 0777 0:0 /to-a -> a
    f 4755 0:0 /setuid 'x'
"""
CASES = r"""
find a
find a -type f
find -L a/deep -type f
find a/deep -follow -name '*.conf'
find a -type d
find a -type l
find a -type f,l
find a -xtype f
find a -name '*.conf'
find a -iname '*.CONF'
find a -name '*'
find a -name .hidden
find a ! -name '*.conf'
find a -not -type f
find a -path '*/deep/*'
find a -path a/deep
find a -regex '.*\.conf'
find a -type f -name '*.conf'
find a -type f -a -name '*.conf'
find a -type l -o -name '*.conf'
find a -type f \( -name '*.conf' -o -name '*.sh' \)
find a -type f \( -name '*.conf' -or -name '*.sh' \) -print
find a -maxdepth 1
find a -mindepth 1 -maxdepth 1
find a -maxdepth 0
find a -mindepth 2
find a -depth
find a -empty
find a -type d -empty
find a -empty -type d -delete
find a -type f -delete
find a -delete
find a -mindepth 1 -delete
find a -name '*.conf' -print -delete
find a -type d -name deep -prune -o -print
find a -name deep -prune -o -type f -print
find a -perm 644
find a -perm -100
find a -perm /111
find a -perm -u+w,g+r
find . -perm -4000
find a -type f -size 0
find a -type f -size 1
find a -type f -size +3c
find a -type f -size 1c
find a -user root -type f
find a -uid 0 -type d
find a ! -user root
find a -executable -type f
find a -type f -exec chmod 600 {} \;
find a -type f -exec chmod 600 {} +
find a -type d -exec chmod 711 {} \; -o -exec chmod u=rw {} \;
find a -name '*.conf' -exec cat {} \;
find a -name '*.conf' -exec cat {} +
find a -name '*.conf' -exec grep -q one {} \; -print
find a -name '*.conf' -exec cp {} {}.bak \;
find a -type f -exec rm -f {} +
find a -name deep -exec rm -rf {} \;
find a -print0
find a -printf '%f\n'
find a -type f -printf '%m %p %u:%g\n'
find a -type l -printf '%f -> %l\n'
find a -maxdepth 1 -printf '%d %h %f\t%%\n'
find to-a
find -H to-a
find to-a/
find a/
find a nothing
find nothing
find a to-a setuid -maxdepth 1
find a/one.conf
find a -true -false
find a -xdev -type d
find
find . -name a
find a -lname one.conf
find a -newer
find a -bogus
find a \( -name x
"""


def commands(line: str) -> list[list[str]]:
    """The one command of a case."""
    return [shlex.split(line)]


def in_order(said: list[str], line: str) -> list[str]:
    """What is printed, in the order of the lines: a folder of this machine has none."""
    status, _, text = said[0].partition(" ")
    data = text[2:-1]
    between = "\\x00" if "print0" in line else "\\n"
    return [status, *sorted(data.split(between)), *said[1:]]


@pytest.mark.skipif(os.geteuid() != 0, reason="scripts of packages run as root, and so must the real find")
@pytest.mark.slow
def test_every_case_finds_and_does_what_the_real_find_does() -> None:
    tree = trees.tree(TREE)
    differing = []
    for line in CASES.strip().splitlines():
        mine, theirs = (each(tree, commands(line)) for each in (beside.ours, beside.real))
        refused = mine[0].startswith("left out") and theirs[0].startswith("fails")
        if not refused and in_order(mine, line) != in_order(theirs, line):
            differing.append(f"{line}\nours: {mine}\nreal: {theirs}")
    assert differing == []


XARGS = r"""
xargs rm -f
xargs -r rm
xargs -n 1 mkdir
xargs -n1 mkdir -p
xargs -I {} cp a/one.conf {}
xargs -I% mkdir -p new/%
xargs -d '\n' touch
xargs -0 touch
ls a
ls -A a
ls -a a
ls -d a
ls -1 a
ls a/one.conf nothing
ls a a/deep
ls -d a/deep a
ls to-a
ls -d to-a
ls -L a/broken
ls a/broken
which nothing-of-this-name
"""


def test_commands_that_run_others_and_list() -> None:
    tree = trees.tree(TREE)
    for line in XARGS.strip().splitlines():
        mine, theirs = (each(tree, commands(line), b"one\ntwo three\n") for each in (beside.ours, beside.real))
        if "touch" in line:
            mine, theirs = mine[1:], theirs[1:]
        assert (line, mine) == (line, theirs)


@pytest.mark.parametrize("line", ["ls -l a", "find -L a", "find a -quit", "xargs"])
def test_what_a_tree_does_not_know_is_not_answered(line: str) -> None:
    machine = beside.machine_of(trees.tree(TREE))
    with pytest.raises(NotUnderstood):
        beside.done(machine, shlex.split(line))

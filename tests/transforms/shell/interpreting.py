"""Scripts interpreted over small trees, for tests."""

from collections.abc import Mapping

from fromscratch import paths
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.entry import File
from fromscratch.transforms.shell.interpreter import run_script
from fromscratch.transforms.shell.machine import Machine, Package
from tests import trees

_BASE = """
    d 0755 0:0 /etc
    d 1777 0:0 /tmp
    d 0755 0:0 /usr
    d 0755 0:0 /usr/bin
    f 0755 0:0 /usr/bin/probe '\\x7fELF'
"""


def machine(block: str = "") -> Machine:
    """A machine with the tree that the lines describe, /etc, /tmp and a program."""
    tree = ChangingTree(trees.tree(f"{_BASE}\n{block}"))
    return Machine(tree, label="rootfs[0]", architecture="amd64", packages=[Package(name="demo", version="1.0")])


def interpret(
    script: str, *, on: Machine | None = None, arguments: tuple[str, ...] = (), environment: Mapping[str, str] = {}
) -> tuple[int | None, Machine]:
    """How the script ends, and the machine that it has changed."""
    where = on or machine()
    status = run_script(where, script, package="demo", script="postinst", arguments=arguments, environment=environment)
    return status, where


def written(where: Machine, path: str) -> str:
    """The text of a file."""
    entry = where.tree.find(path)
    assert isinstance(entry, File), f"{path} is not there"
    with entry.content.open() as stream:
        return paths.decode(stream.read())


def left_out(where: Machine) -> list[str]:
    """What was left out, a line each: where, what, why."""
    return [f"{each.line}: {each.command}: {each.why}" for each in where.left_out]

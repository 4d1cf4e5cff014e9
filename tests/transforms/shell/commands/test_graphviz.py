"""Graphviz' list of its plugins, written without running it."""

import pytest

from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, NotUnderstood
from tests.transforms.shell.interpreting import interpret, left_out, machine

TREE = """
    f 0755 0:0 /usr/lib/x86_64-linux-gnu/libgvc.so.6 'config6aH'
    d 0755 0:0 /usr/lib/x86_64-linux-gnu/graphviz
"""


def test_dot_is_not_run_for_anything_else() -> None:
    with pytest.raises(NotUnderstood):
        COMMANDS["dot"].run(machine(TREE), Call(("dot", "-Tsvg", "/a.dot")))


def test_without_plugins_there_is_nothing_to_list() -> None:
    status, where = interpret("libgvc6-config-update -c", on=machine(TREE))
    assert (status, left_out(where)) == (0, [])
    assert where.tree.find("/usr/lib/x86_64-linux-gnu/graphviz/config6a") is None


def test_a_plugin_that_cannot_be_read_is_left_out() -> None:
    plugin = "f 0755 0:0 /usr/lib/x86_64-linux-gnu/graphviz/libgvplugin_a.so.6 'text'"
    _, where = interpret("libgvc6-config-update -c", on=machine(f"{TREE}\n{plugin}"))
    assert len(left_out(where)) == 1
    assert "libgvplugin_a.so.6" in left_out(where)[0]

"""postconf(1), as main.cf is afterwards: what Postfix's own program writes."""

import pytest

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Result
from tests.trees import tree

MAIN = """# comment
myorigin = /etc/mailname
  continued
# about it
  and this
mailbox_command = x
empty =
"""


def machine_of(main: str = MAIN) -> Machine:
    return Machine(
        ChangingTree(tree(f"f 0640 7:7 /etc/postfix/main.cf {main!r}")), label="source", architecture="", packages=()
    )


def run(machine: Machine, *words: str) -> Result:
    return COMMANDS["postconf"].run(machine, Call(("postconf", *words)))


def changed(*words: str) -> str:
    machine = machine_of()
    assert run(machine, *words).status == 0
    entry = machine.tree.find("/etc/postfix/main.cf")
    assert isinstance(entry, File)
    assert (entry.meta.mode, entry.meta.uid) == (0o640, 0)
    return read(entry.content).decode()


def test_a_parameter_takes_the_place_of_its_lines_and_a_new_one_goes_to_the_end() -> None:
    assert changed("-e", "myorigin=x  y", "mailbox_command=", "new = $a b") == (
        "# comment\nmyorigin = x  y\n# about it\nmailbox_command = \nempty =\nnew = $a b\n"
    )


def test_parameters_become_comments_or_go_away() -> None:
    assert changed("-#", "mailbox_command") == MAIN.replace("mailbox_command", "#mailbox_command")
    assert changed("-X", "myorigin", "empty") == "# comment\n# about it\nmailbox_command = x\n"


def test_a_value_is_known_where_the_file_has_it() -> None:
    assert run(machine_of(), "-hx", "mailbox_command").output == b"x\n"
    assert run(machine_of(), "-h", "myorigin", "empty").output == b"/etc/mailname continued and this\n\n"
    assert run(machine_of(), "-h", "default_transport").output is None


@pytest.mark.parametrize("words", [("-n",), ("-M", "smtp/inet=x"), ("-e", "myorigin"), ("-c", "/srv", "-e", "a=b")])
def test_what_is_not_known_is_not_done(words: tuple[str, ...]) -> None:
    with pytest.raises(NotUnderstood):
        run(machine_of(), *words)

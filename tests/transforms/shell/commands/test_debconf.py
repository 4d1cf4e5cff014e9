"""Questions that scripts ask of debconf, answered without anybody there."""

import shlex

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.rootfs import Rootfs
from fromscratch.transforms.shell.commands.catalogue import COMMANDS
from fromscratch.transforms.shell.commands.debconf_templates import split_choices, templates
from fromscratch.transforms.shell.machine import Call, Machine, Package, Result
from fromscratch.transforms.shell.standard_input import Input

TEMPLATES = """\
Template: mail/kind
Type: select
Choices: none, local\\, only, internet
Description: Which kind?
 A longer text
 .
 of two paragraphs.

Template: mail/name
Type: string
Default: localhost
Description-de.UTF-8: Name?

# a comment
Template: mail/list
Type: multiselect
__Choices: a, b
"""


def machine_of() -> Machine:
    package = Package(name="mail", version="1", templates=TEMPLATES)
    return Machine(ChangingTree(Rootfs()), label="source", architecture="amd64", packages=(package,))


def ask(machine: Machine, line: str, given: bytes = b"") -> tuple[int | None, str | None]:
    words = tuple(shlex.split(line))
    result = COMMANDS[words[0]].run(machine, Call(words, stdin=Input(given)))
    return result.status, result.variables.get("RET")


def test_the_default_of_the_template_is_the_answer() -> None:
    machine = machine_of()
    assert ask(machine, "db_get mail/name") == (0, "localhost")
    assert ask(machine, "db_get mail/list") == (0, "")
    assert ask(machine, "db_get mail/other") == (10, "mail/other doesn't exist")


def test_a_script_sees_what_it_sets_until_it_resets_it() -> None:
    machine = machine_of()
    ask(machine, "db_set mail/name two words")
    assert ask(machine, "db_get mail/name") == (0, "two words")
    ask(machine, "db_reset mail/name")
    assert ask(machine, "db_get mail/name") == (0, "localhost")


def test_a_question_is_skipped_and_counts_as_seen() -> None:
    machine = machine_of()
    assert ask(machine, "db_fget mail/kind seen") == (0, "false")
    assert ask(machine, "db_input high mail/kind") == (30, "question skipped")
    assert ask(machine, "db_go") == (0, "ok")
    assert ask(machine, "db_fget mail/kind seen") == (0, "true")
    assert ask(machine, "db_get mail/kind") == (0, "none"), "the first choice where there is no default"


def test_questions_are_made_of_templates_and_forgotten() -> None:
    machine = machine_of()
    assert ask(machine, "db_register mail/name mail/second")[0] == 0
    assert ask(machine, "db_get mail/second") == (0, "localhost")
    ask(machine, "db_unregister mail/second")
    assert ask(machine, "db_get mail/second")[0] == 10
    assert ask(machine, "db_register mail/none mail/third")[0] == 20


def test_fields_of_templates_can_be_read() -> None:
    machine = machine_of()
    assert ask(machine, "db_metaget mail/kind description") == (0, "Which kind?\nA longer text\n\nof two paragraphs.")
    assert ask(machine, "db_metaget mail/name choices")[0] == 10


def test_answers_that_were_given_before_count() -> None:
    machine = machine_of()
    ask(machine, "debconf-set-selections", b"# ours\nmail mail/name string mx.example.org\nmail mail/later string x\n")
    assert ask(machine, "db_get mail/name") == (0, "mx.example.org")


def test_commas_in_choices_are_escaped() -> None:
    found = {one.name: one for one in templates(TEMPLATES)}
    assert found["mail/kind"].choices == ["none", "local, only", "internet"]
    assert split_choices(r"a\b, c\, d,, ") == [r"a\b", "c, d"]


def test_text_is_escaped_and_read_back() -> None:
    escaped = COMMANDS["debconf-escape"].run(machine_of(), Call(("debconf-escape", "-e"), stdin=Input(b"a\\n\nb")))
    assert escaped == Result(0, b"a\\\\n\\nb")
    assert COMMANDS["debconf-escape"].run(
        machine_of(), Call(("debconf-escape", "-u"), stdin=Input(b"a\\\\n\\nb"))
    ) == Result(0, b"a\\n\nb")


def test_the_questions_of_a_package_are_shown_without_passwords() -> None:
    text = "Template: a/word\nType: password\n\nTemplate: a/name\nType: string\nDefault: me\n\nTemplate: a/none\n"
    packages = (Package(name="a", version="1", templates=text), Package(name="b", version="1", templates=TEMPLATES))
    machine = Machine(ChangingTree(Rootfs()), label="source", architecture="amd64", packages=packages)
    ask(machine, "db_set a/word secret")
    ask(machine, "db_input low a/name")
    shown = COMMANDS["debconf-show"].run(machine, Call(("debconf-show", "a")))
    assert shown.output == b"* a/name: me\n  a/none:\n  a/word: (password omitted)\n"

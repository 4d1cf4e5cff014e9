"""A command takes its input where its arguments name no file, and leaves it to the next one otherwise."""

import pytest

from tests.transforms.shell.interpreting import interpret, left_out, machine, written

FILES = """
    f 0644 0:0 /a 'x\\n'
    f 0644 0:0 /b 'y\\n'
    f 0644 0:0 /program 's/a/b/'
    f 0755 0:0 /usr/bin/script '#!/bin/sh\\nread line\\necho "$line" >/etc/got\\n'
"""


def left(command: str) -> str:
    """What the command leaves of two lines."""
    script = f"printf '1\\n2\\n' | {{ {command} >/dev/null || :; read rest || rest=nothing; echo $rest >/etc/left; }}\n"
    _, where = interpret(script, on=machine(FILES))
    assert left_out(where) == []
    return written(where, "/etc/left").strip()


@pytest.mark.parametrize(
    "command",
    [
        "cat",
        "cat -",
        "cat /a - /b",
        "cut -d ' ' -f 1",
        "cut -d: -f1",
        "cut --delimiter : --fields 1",
        "sed s/a/b/",
        "sed -e s/a/b/ -e s/b/c/",
        "sed -ne s/a/b/p",
        "sed -n -e s/a/b/p",
        "sed -E -f /program",
        "grep 2",
        "grep -m 1 2",
        "grep -q -e 2",
        "grep -qe 2",
        "grep --regexp 2",
        "awk '{print $1}'",
        "head -n 1",
        "tail -n +2",
        "tail -5",
        "sort -rn",
        "tr a b",
        "tee /etc/file",
        "xargs -r touch",
        "wc -l",
        "md5sum",
        "env cat",
        "nice -n 5 cat",
        "install /dev/stdin /etc/copy",
        "debconf-escape -e",
        "sh -c cat",
    ],
)
def test_it_reads_its_input(command: str) -> None:
    assert left(command) == "nothing"


@pytest.mark.parametrize(
    "command",
    [
        "cat /a",
        "cut -d ' ' -f 1 /a",
        "sed s/a/b/ /a",
        "sed -e s/a/b/ /a",
        "sed -i s/a/b/ /a",
        "grep a /b",
        "grep -m 1 a /b",
        "grep -e a /b",
        "awk '{print}' /a",
        "head -n 1 /a",
        "sort -- /a",
        "wc -l /a",
        "cp /a /etc/copy",
        "sh -c :",
    ],
)
def test_it_leaves_its_input_to_others(command: str) -> None:
    assert left(command) == "1"


def test_a_script_of_the_tree_reads_what_it_is_given() -> None:
    assert left("script") == "2"
    _, where = interpret("echo given | script\n", on=machine(FILES))
    assert written(where, "/etc/got") == "given\n"

"""A command reads its input where its arguments name no file."""

import shlex

import pytest

from fromscratch.transforms.shell.reading_input import reads_input


@pytest.mark.parametrize(
    "command",
    [
        "cat",
        "cat -",
        "cat a - b",
        "cut -d ' ' -f 1",
        "cut -d: -f1",
        "cut --delimiter : --fields 1",
        "sed s/a/b/",
        "sed -e s/a/b/ -e s/b/c/",
        "sed -ne s/a/b/p",
        "sed -n -e s/a/b/p",
        "sed -E -f program",
        "grep a",
        "grep -m 1 a",
        "grep -q -e a",
        "grep -qe a",
        "grep --regexp a",
        "awk '{print $1}'",
        "awk -F : -v x=1 '{print $1}'",
        "head -n 1",
        "tail -n +2",
        "tail -5",
        "sort -t : -k 2",
        "sort -rn",
        "tr a b",
        "tee file",
        "xargs -r rm",
        "wc -l",
    ],
)
def test_it_reads_its_input(command: str) -> None:
    name, *arguments = shlex.split(command)
    assert reads_input(name, arguments)


@pytest.mark.parametrize(
    "command",
    [
        "cat a",
        "cut -d ' ' -f 1 a",
        "sed s/a/b/ a",
        "sed -e s/a/b/ a",
        "sed -i s/a/b/ a",
        "grep a b",
        "grep -m 1 a b",
        "grep -e a b",
        "grep -r a",
        "awk '{print}' a",
        "head -n 1 a",
        "sort -t : -k 2 a",
        "sort -- -a",
        "wc -l a",
    ],
)
def test_it_leaves_its_input_to_others(command: str) -> None:
    name, *arguments = shlex.split(command)
    assert not reads_input(name, arguments)

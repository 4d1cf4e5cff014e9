"""Plain command lines are read as invoke reads them, and the others are left to it."""

import subprocess
import sys
from typing import Any

import pytest
from invoke.parser import Parser

from fromscratch.cli.main import namespace
from fromscratch.cli.parsing import plain
from fromscratch.cli.parsing.task import VerbTask, without_operands
from fromscratch.cli.verbs.catalogue import VERBS

PLAIN = [
    "build",
    "build --json --quiet",
    "fetch build import --tag a:b --engine docker",
    "fetch --recipe x.yaml build --output=out",
    "pack --to oci --output DIR",
    "why /bin/sh --json",
    "ls oci:x --platform linux/arm64",
    "ls --image=a=b",
    "run",
    "closure /bin/a --search /x --search=/y /bin/b --beyond",
    "bundle /bin/a --with gconv=UTF-16 --without dlopen --stop-signal TERM /bin/b --env A=B --env C=D",
    "cmake-dir",
    "init --from debian",
]
LEFT = [
    "",
    "--help",
    "--version",
    "build --help",
    "build build",
    "build --output a --output b",
    "build --outpt a",
    "build --output",
    "build --output ''",
    "build --json=1",
    "pack --to tar --output -",
    "why a b",
    "build word",
    "nothing",
    "-e build",
]


def by_invoke(words: list[str], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What invoke's parser makes of the words: of each verb, the parameters that differ from their defaults."""
    monkeypatch.setattr(sys, "argv", ["fromscratch", *words])
    monkeypatch.setattr(VerbTask, "operands_are_ours", False)
    rest = without_operands(["fromscratch", *words])[1:]
    found = []
    for context in Parser(contexts=namespace().to_contexts()).parse_argv(rest):
        given = {arg.attr_name or arg.name: arg.value for arg in context.args.values()}
        found.append((str(context.name), {name.strip("_"): value for name, value in given.items() if value}))
    return found


def by_us(words: list[str]) -> list[tuple[str, dict[str, Any]]]:
    calls = plain.calls(words, VERBS)
    assert calls is not None
    found = []
    for verb, given in calls:
        defaults = {name: default for name, default in verb.own.items() if default and default != ()}
        options = {name.strip("_"): value for name, value in {**defaults, **given}.items()}
        if verb.many:
            options.pop(verb.operands, None)
        found.append((verb.name, options))
    return found


@pytest.mark.parametrize("line", PLAIN)
def test_a_plain_line_is_read_as_invoke_reads_it(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert by_us(line.split()) == by_invoke(line.split(), monkeypatch)


@pytest.mark.parametrize("line", LEFT)
def test_what_is_not_plain_is_left_to_invoke(line: str) -> None:
    assert plain.calls([word.strip("'") for word in line.split()], VERBS) is None


def test_every_option_of_every_verb_is_read_as_invoke_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in VERBS.values():
        for flag, name in verb.options.items():
            words = [verb.name, flag, *(["value"] if verb.takes_value(name) else [])]
            assert by_us(words) == by_invoke(words, monkeypatch), words


def test_operands_come_in_the_order_in_which_they_stand() -> None:
    calls = plain.calls(["bundle", "/a", "--quiet", "/b", "ls", "x"], VERBS)
    assert calls is not None
    assert [given for _, given in calls] == [{"files": ["/a", "/b"], "quiet": True}, {"image": "x"}]


def test_words_behind_two_dashes_are_not_ours() -> None:
    calls = plain.calls(["run", "--", "--help", "build"], VERBS)
    assert calls is not None
    assert [(verb.name, given) for verb, given in calls] == [("run", {})]


def test_a_plain_call_loads_no_invoke() -> None:
    script = "import sys; from fromscratch.cli import quick; quick.main(); print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", script, "cmake-dir"], capture_output=True, text=True, check=True
    ).stdout
    assert "fromscratch.cli.verbs" in answer.split()
    assert not {"invoke", "msgspec", "requests", "asyncio"} & set(answer.split())

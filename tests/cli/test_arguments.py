"""Command lines as they are read: verbs in a chain, options, operands, words after `--`, and what a chain shares."""

import inspect
from typing import Any

import pytest

from fromscratch.cli.parsing import chain
from fromscratch.cli.parsing.arguments import CommandLine, parse
from fromscratch.cli.parsing.records import loaded, values
from fromscratch.cli.verbs.catalogue import GENERAL, VERBS
from fromscratch.errors import UsageError


def read(*words: str) -> CommandLine:
    return parse(words, VERBS, GENERAL)


def given(line: str) -> list[tuple[str, dict[str, Any]]]:
    """Each verb of a line with what it is given."""
    return [(request.verb.name, request.given) for request in read(*line.split()).requests]


def shared(line: str, name: str) -> list[str | None]:
    """What a shared option is set to for each verb."""
    read_line = read(*line.split())
    return [chain.shared(read_line, request, name) for request in read_line.requests]


@pytest.mark.parametrize(
    ("line", "requests"),
    [
        ("build", [("build", {})]),
        ("build --json --quiet", [("build", {"json": True, "quiet": True})]),
        ("fetch build --output=out", [("fetch", {}), ("build", {"output": "out"})]),
        ("fetch --recipe why build", [("fetch", {"recipe": "why"}), ("build", {})]),
        ("pack --to oci --output -", [("pack", {"to": "oci", "output": "-"})]),
        ("build --output -x", [("build", {"output": "-x"})]),
        ("why /bin/sh --json", [("why", {"path": "/bin/sh", "json": True})]),
        ("ls oci:x why /bin/sh", [("ls", {"image": "oci:x"}), ("why", {"path": "/bin/sh"})]),
        ("ls --image=a=b", [("ls", {"image": "a=b"})]),
        ("ls --path /etc img", [("ls", {"path": "/etc", "image": "img"})]),
        ("closure /a --search /x --search=/y /b", [("closure", {"files": ["/a", "/b"], "search": ["/x", "/y"]})]),
        (
            "bundle /a - --env A=B=C ls /d",
            [("bundle", {"files": ["/a", "-"], "env": ["A=B=C"]}), ("ls", {"image": "/d"})],
        ),
        ("ls a ls b", [("ls", {"image": "a"}), ("ls", {"image": "b"})]),
        ("build fetch build", [("build", {}), ("fetch", {})]),
        ("build --check", [("build", {"twice": True})]),
        ("build --check --json", [("build", {"twice": True, "json": True})]),
        ("build --check import --tag x", [("build", {"twice": True}), ("import", {"tag": "x"})]),
        ("build --check true --twice", [("build", {"checks": [("check", "true")], "twice": True})]),
        ("build --check=import", [("build", {"checks": [("check", "import")]})]),
        ("build --check a --check", [("build", {"checks": [("check", "a")], "twice": True})]),
        (
            "build --exec a --http-get http://x --check b --expect c run",
            [
                (
                    "build",
                    {"checks": [("exec", "a"), ("http-get", "http://x"), ("check", "b"), ("expect", "c")]},
                ),
                ("run", {}),
            ],
        ),
        ("", []),
    ],
)
def test_a_line_is_read_as_verbs_with_what_each_is_given(line: str, requests: list[tuple[str, dict[str, Any]]]) -> None:
    assert given(line) == requests


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_has_no_option_twice(verb: str) -> None:
    """As its own and as one that many verbs share: which is meant would be a guess, and invoke refuses it."""
    names = [option.name for option in (*VERBS[verb].options, *VERBS[verb].shared)]
    assert sorted(names) == sorted(set(names))


def test_every_option_of_every_verb_is_read() -> None:
    for verb in VERBS.values():
        for flag, option in verb.flags().items():
            words = (verb.name, flag, "value") if option.value else (verb.name, flag)
            value: object = "value" if option.value else True
            value = (option.name, value) if option.sequence else value
            expected = {option.sequence or option.name: [value] if option.repeated else value}
            assert given(" ".join(words)) == [(verb.name, expected)]
            if option.value:
                assert given(f"{verb.name} {flag}=value") == given(" ".join(words))


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_function_of_a_verb_takes_what_the_catalogue_lists(verb: str) -> None:
    _, *parameters = inspect.signature(loaded(VERBS[verb].run)).parameters.values()
    assert {each.name for each in parameters} == {option.parameter for option in VERBS[verb].own()}
    assert all(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters)


def test_values_that_the_catalogue_leaves_to_others_are_there() -> None:
    for verb in VERBS.values():
        for option in verb.flags().values():
            assert not option.choices or values(option.choices)
            assert not option.default or not option.choices or option.default in values(option.choices)


def test_any_number_of_operands_is_read_at_once() -> None:
    many = [f"/bin/p{number}" for number in range(100_000)]
    assert read("bundle", *many).requests[0].given == {"files": many}


def test_words_after_two_dashes_are_taken_as_they_are() -> None:
    words = ("sh", "-c", "echo a  b", "--", "--help", "build")
    line = read("run", "--quiet", "--", *words)
    assert (line.words, line.requests[0].given) == (list(words), {"quiet": True})
    assert (read("run").words, read("run", "--").words, read("--", "build")) == (None, [], CommandLine((), ["build"]))


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("--help", ("help", "")),
        ("-h", ("help", "")),
        ("--help build", ("help", "build")),
        ("--help=build", ("help", "build")),
        ("fetch build --help", ("help", "build")),
        ("--help fetch build", ("help", "fetch")),
        ("--version", ("version", "")),
        ("build -V", ("version", "")),
        ("--print-completion-script zsh", ("print-completion-script", "zsh")),
        ("--print-man-page", ("print-man-page", "")),
    ],
)
def test_a_question_about_the_command_itself_is_read_before_any_verb(line: str, asked: tuple[str, str]) -> None:
    assert parse(line.split(), VERBS, GENERAL) == CommandLine((), question=asked)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("nothing", "No idea what 'nothing' is!", "`fromscratch --help` lists the verbs"),
        ("frobnicate build", "No idea what 'frobnicate' is!", "`fromscratch --help` lists the verbs"),
        ("biuld", "No idea what 'biuld' is!", "did you mean build?"),
        ("import_", "No idea what 'import_' is!", "did you mean import?"),
        ("build word", "No idea what 'word' is!", "`fromscratch --help build` lists what it takes"),
        ("fetch build impor", "No idea what 'impor' is!", "did you mean import?"),
        ("why a b", "No idea what 'b' is!", "`fromscratch --help why` lists what it takes"),
        ("run image hi", "No idea what 'hi' is!", "words for the image follow --, as in: run -- /bin/sh"),
        ("build --outpt a", "No idea what '--outpt' is!", "did you mean --output?"),
        ("build --max_expanded 1", "No idea what '--max_expanded' is!", "did you mean --max-expanded?"),
        ("closure --bogus", "No idea what '--bogus' is!", "`fromscratch --help closure` lists what it takes"),
        ("bundle --files /a", "No idea what '--files' is!", "`fromscratch --help bundle` lists what it takes"),
        ("build --tag x", "No idea what '--tag' is!", "build has no --tag; it is an option of import, pack, bundle"),
        ("-e build", "No idea what '-e' is!", "`fromscratch --help` lists the verbs"),
        ("--json fetch build", "No idea what '--json' is!", "as in: fromscratch build --json"),
        ("build --output", "--output needs a value", "write --output DIR"),
        ("build --output --json", "--output needs a value", "write --output DIR"),
        ("closure /a --search", "--search needs a value", "write --search DIR"),
        ("run --check", "--check needs a value", "write --check CMD"),
        ("bundle /a --check --json", "--check needs a value", "write --check CMD"),
        ("build --json=1", "--json takes no value, and was given '1'", "write --json alone"),
        ("why /a --path /b", "--path is given twice, as /a and as /b", "say --path once"),
        ("ls --path a --path a", "--path is given twice, as a and as a", "say --path once"),
        ("ls -- x", "ls takes no words after --", "only run does"),
        ("--help nope", "No idea what 'nope' is!", "lists the verbs"),
        ("--print-completion-script", "--print-completion-script needs a value", "SHELL"),
        ("--print-completion-script nosh", "not a shell that is known", "say one of: bash, zsh, fish"),
    ],
)
def test_a_line_that_is_wrong_is_answered_with_the_hint_that_helps(line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line.split(), VERBS, GENERAL)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_an_option_given_once_holds_for_the_chain() -> None:
    assert shared("fetch build --recipe x.yaml", "recipe") == ["x.yaml", "x.yaml"]
    assert shared("fetch --recipe=x build --recipe x run", "recipe") == ["x", "x", "x"]
    assert shared("build run -- --recipe x", "recipe") == [None, None]
    assert [chain.is_quiet(read(*line.split())) for line in ("fetch build --quiet", "fetch build")] == [True, False]


def test_verbs_that_are_given_different_values_keep_their_own() -> None:
    assert shared("fetch --recipe a build --recipe b run", "recipe") == ["a", "b", None]


def test_the_file_that_a_verb_writes_is_not_the_folder_of_the_build() -> None:
    assert shared("build pack --output x.tar", "output") == [None, None]
    assert shared("build --output out pack --output x.tar", "output") == ["out", "out"]


def test_a_chain_that_brings_the_build_elsewhere_is_known_to_all_its_verbs() -> None:
    assert chain.delivering(read("fetch", "build", "push", "host/x")) == "push"
    assert chain.delivering(read("build", "push", "host/x", "--image", "oci:y")) == ""


def test_the_first_verb_that_reads_the_recipe_tells_which_it_is() -> None:
    for words, tells in (("fetch build ls", [True, False, False]), ("ls oci:x build", [False, True])):
        line = read(*words.split())
        assert [chain.tells_default(line, request) for request in line.requests] == tells

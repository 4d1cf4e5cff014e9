"""Operands, words after `--`, and options that a chain of verbs shares."""

from fromscratch.cli.parsing import argv
from fromscratch.cli.parsing.argv import Shape

COMMON = {"--recipe": True, "--output": True, "--json": False}
VERBS = {
    "fetch": Shape(COMMON),
    "build": Shape(COMMON),
    "ls": Shape({**COMMON, "--path": True}, operands=1),
    "why": Shape(COMMON, operands=1),
    "bundle": Shape({**COMMON, "--add": True}, operands=argv.ANY_NUMBER),
}


def operands(line: str) -> dict[str, list[str]]:
    return argv.operands(["fromscratch", *line.split()], VERBS)


def test_a_bare_word_belongs_to_the_verb_before_it() -> None:
    assert operands("why /bin/sh") == {"why": ["/bin/sh"]}
    assert operands("ls oci:x why /bin/sh") == {"ls": ["oci:x"], "why": ["/bin/sh"]}


def test_a_value_of_an_option_is_no_operand() -> None:
    assert operands("ls --path /etc --json") == {"ls": []}
    assert operands("ls --path=/etc img") == {"ls": ["img"]}
    assert operands("ls --pth /etc") == {"ls": []}
    assert operands("fetch --recipe why build") == {"fetch": [], "build": []}


def test_a_verb_starts_itself_and_one_without_operands_takes_none() -> None:
    assert operands("fetch build ls") == {"fetch": [], "build": [], "ls": []}
    assert operands("build something") == {"build": []}


def test_words_after_two_dashes_are_kept_as_they_are() -> None:
    words = ["fromscratch", "run", "--", "sh", "-c", "echo a  b", "--", "x"]
    assert argv.remainder(words) == ["sh", "-c", "echo a  b", "--", "x"]
    assert argv.remainder(["fromscratch", "run"]) is None
    assert argv.operands([*words[:1], "ls", "--", "why"], VERBS) == {"ls": []}


def test_an_option_given_once_holds_for_the_chain() -> None:
    assert argv.given(["invoke", "fetch", "build", "--recipe", "x.yaml"], "--recipe") == "x.yaml"
    assert argv.given(["invoke", "fetch", "--recipe=x.yaml", "build", "--recipe", "x.yaml"], "--recipe") == "x.yaml"
    assert argv.given(["invoke", "fetch", "--recipe", "a", "build", "--recipe", "b"], "--recipe") is None
    assert argv.given(["invoke", "run", "--", "--recipe", "x"], "--recipe") is None


def test_a_verb_may_take_any_number_of_operands_wherever_they_stand() -> None:
    assert operands("bundle /a --add /x /b --json /c ls /d") == {"bundle": ["/a", "/b", "/c"], "ls": ["/d"]}
    assert operands("bundle /a --ad /x /b") == {"bundle": ["/a"]}
    many = [f"/bin/p{number}" for number in range(100_000)]
    assert argv.operands(["fromscratch", "bundle", *many], VERBS) == {"bundle": many}


def test_invoke_gets_what_is_left_without_the_operands_of_such_a_verb() -> None:
    def left(line: str) -> str:
        return " ".join(argv.without_operands(["fromscratch", *line.split()], VERBS)[1:])

    assert left("bundle /a --add /x /b --json") == "bundle --add /x --json"
    assert left("bundle --add=/x /a ls /d why /e") == "bundle --add=/x ls /d why /e"
    assert left("bundle /a --ad /x /b") == "bundle --ad /x /b"  # for invoke to say what is wrong with --ad
    assert left("bundle /a - -- /b -- bundle") == "bundle -- /b -- bundle"
    assert left("--help bundle") == "--help bundle"
    assert left("bundle /a --add") == "bundle --add"

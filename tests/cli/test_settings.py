"""What the library names neutrally, as users of the command read it; and that only the command names its options."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fromscratch
from fromscratch.advice import Command, Setting, advice
from fromscratch.cli.output.settings import option, spelled
from tests.cli.in_process import called

PACKAGE = Path(fromscratch.__file__).parent
BELOW = [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] != "cli"]


@pytest.fixture(scope="module")
def verbs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The verbs, as the help lists them."""
    return re.findall(r"^  ([a-z-]+)  ", called(tmp_path_factory.mktemp("help"), "--help").out, re.MULTILINE)


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, verbs: list[str]) -> set[str]:
    """The options of all verbs, as their help lists them."""
    folder = tmp_path_factory.mktemp("help")
    helps = (called(folder, "--help", verb).out for verb in verbs)
    return {flag for text in helps for flag in re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (Setting("platform"), "--platform"),
        (Setting("plain_http"), "--plain-http"),
        (Setting("max_expanded", "200G"), "--max-expanded 200G"),
        (Setting("plugins", "/usr/lib/x/*.so"), "--plugins '/usr/lib/x/*.so'"),
        (Setting("localtime", "true"), "--with localtime"),
        (Setting("gconv", "all"), "--with gconv"),
        (Setting("gconv", "UTF-16"), "--with gconv=UTF-16"),
        (Setting("certificates", "hashes"), "--with certificates=hashes"),
        (Setting("add", in_recipe=True), "add (--add)"),
        (Setting("platforms", in_recipe=True), "platforms (--platform)"),
        (Setting("allow_missing", "NAME", in_recipe=True), "allow_missing (--with missing=NAME)"),
        (Command(("fetch", "build")), "fromscratch fetch build"),
        (Command(("pack",), (Setting("image", "oci:a b"),)), "fromscratch pack --image 'oci:a b'"),
    ],
    ids=lambda each: str(each),
)
def test_settings_and_commands_are_spelled_as_options_and_calls(setting: Setting | Command, words: str) -> None:
    assert spelled(advice("say ", setting, " now")) == f"say {words} now"


def test_every_setting_that_the_library_names_is_an_option_of_some_verb(options: set[str]) -> None:
    """One whose name is changed in the library alone would be advised under a name that no verb takes."""
    names = set(settings())
    assert len(names) > 10
    assert {option(Setting(name)).split()[0] for name in names} <= {*options, "--archive"}  # scripts/buildroot-mirror


def test_no_text_below_the_command_line_names_its_options_or_calls_it(verbs: list[str], options: set[str]) -> None:
    """A word that starts with -- is ours only in a text: the arguments of other programs are words by themselves."""
    names = "|".join(sorted(flag.removeprefix("--") for flag in options))
    ours = re.compile(rf"(?<![\w-])--({names})(?![\w-])|(?<!inject )\bfromscratch ({'|'.join(verbs)})\b")
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for path in BELOW
        for line, text in texts(path)
        if len(text.split()) > 1 and ours.search(text)
    ]
    assert found == []


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module; of one with fields, the text between them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = (each.value if isinstance(each, ast.Constant) else "{}" for each in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def settings() -> Iterator[str]:
    """The names in all calls of Setting; `limits` has constants for its two."""
    for path in BELOW:
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if "from fromscratch.advice import" in text else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Setting":
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    yield str(name.value)

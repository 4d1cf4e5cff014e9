"""YAML as a recipe uses it: text, places, and no surprises."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.yaml import document as yaml


def test_scalars_stay_the_text_that_was_written() -> None:
    document = yaml.load("a: 2026.10\nb: no\nc: 0:0\nd: 0755\ne: ~\nf: 'null'\ng: [1, on]", "r.yaml")
    assert document.value == {
        "a": "2026.10",
        "b": "no",
        "c": "0:0",
        "d": "0755",
        "e": None,
        "f": "null",
        "g": ["1", "on"],
    }


def test_every_key_and_item_knows_its_line() -> None:
    document = yaml.load("name: x\nrootfs:\n  - overlay: a\n  - overlay: b\n", "r.yaml")
    assert document.lines[("name",)] == 1
    assert document.lines[("rootfs", 0, "overlay")] == 3
    assert document.lines[("rootfs", 1)] == 4


def test_a_key_that_stands_twice_is_reported_with_its_line() -> None:
    assert yaml.load("a: 1\nb: 2\na: 3\n", "r.yaml").repeated == ((("a",), 3),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "r.yaml:[12]: this is not YAML"),
        ("a: 1\n b: 2", "r.yaml:2: this is not YAML"),
        ("? [a]\n: 1", "r.yaml:1: a key must be a word"),
        ("a: &x [*x]", "nests too deep"),
        ("[" * 100_000, "r.yaml:1: this nests too deep"),
        ("\n" + "- " * 100_000, "r.yaml:2: this nests too deep"),
        ("a: \udcff", "'\\\\udcff'"),
        ("a: !!python/object/apply:os.system [id]\nb: @", "this is not YAML"),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        yaml.load(text, "r.yaml")


def loaders() -> list[str]:
    import yaml as library

    return [name for name in ("CSafeLoader", "SafeLoader") if hasattr(library, name)]


@pytest.mark.parametrize("loader", loaders())
@pytest.mark.parametrize("levels", [41, 900, 999, 1000, 1001, 1030, 5000, 100_000])
@pytest.mark.parametrize(
    ("start", "level", "end"),
    [
        ("", "[", ""),
        ("", "{a: ", ""),
        ("# [[[\na: ']]] it''s'\nb: ", "[", "@"),
        ("a: 1\nb: ", '["[", ', "]"),
        ("", "- ", ""),
        ("\n", "? ", ""),
        ("", "[\n", "]"),
    ],
)
def test_depth_is_refused_in_the_same_words_whatever_a_library_itself_refuses(
    monkeypatch: pytest.MonkeyPatch, loader: str, levels: int, start: str, level: str, end: str
) -> None:
    import yaml as library

    monkeypatch.setattr(library, "CSafeLoader", getattr(library, loader), raising=False)
    line = (start + level * 41).rstrip("\n").count("\n") + 1
    with pytest.raises(FormatError, match=f"^r.yaml:{line}: this nests too deep$"):
        yaml.load(start + level * levels + end, "r.yaml")


def test_brackets_in_texts_and_comments_are_no_depth() -> None:
    many = "[" * 60
    for text in (f"# {many}\na: 1", f"a: '{many}'", f'a: "\\"{many}"', f"a: |\n  {many}\nb: x{many}"):
        assert yaml.load(text, "r.yaml").value
        if "|" not in text:
            with pytest.raises(FormatError, match="this is not YAML"):
                yaml.load(f"{text}\nc: @", "r.yaml")


def test_forty_levels_are_read() -> None:
    assert yaml.load("[" * 40 + "]" * 40, "r.yaml").value


def test_aliases_of_aliases_do_not_grow_without_end() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(FormatError, match="grows too large"):
        yaml.load("\n".join(rows), "r.yaml")


@given(st.text(max_size=60))
def test_any_text_gives_a_document_or_our_own_error(text: str) -> None:
    with suppress(FormatError):
        yaml.load(text, "r.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: a\n\trootfs: b\n", 2),
        ("a:\n  - b\n\t- c\n", 3),
        ("a:\n \tb: c\n", 2),
        ("\tname: a\n", 1),
        ("a: |\n\tb\n", 2),
    ],
)
def test_a_tab_is_called_a_tab(text: str, line: int) -> None:
    with pytest.raises(FormatError, match=f"^r.yaml:{line}: there is a tab where YAML wants blanks") as caught:
        yaml.load(text, "r.yaml")
    assert caught.value.hint.startswith("indent with blanks")


@pytest.mark.parametrize(
    ("text", "where", "word"),
    [
        ("packages: [jq, !libonig5]\n", "r.yaml:1", "!libonig5"),
        ("packages:\n  - jq\n  - !adduser\n", "r.yaml:3", "!adduser"),
        ("packages: !jq\n", "r.yaml:1", "!jq"),
        ("a: !set {b: c}\n", "r.yaml:1", "!set"),
    ],
)
def test_a_word_that_begins_with_an_exclamation_mark_is_told_to_be_quoted(text: str, where: str, word: str) -> None:
    with pytest.raises(FormatError, match=f"^{where}: YAML takes {word} for a tag, not for text") as caught:
        yaml.load(text, "r.yaml")
    assert caught.value.hint == f'write it in quotes: "{word}"'

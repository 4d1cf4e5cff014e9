"""Fragments, .config files, and what lies between two of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting

FRAGMENT = """
# A comment.
BR2_PACKAGE_BUSYBOX=y
# BR2_PACKAGE_VIM is not set
BR2_TARGET_GENERIC_HOSTNAME="box"
BR2_JLEVEL=4
"""

names = st.from_regex(r"BR2_[A-Z0-9_]{1,20}", fullmatch=True)
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126))
settings = st.builds(
    Setting,
    names,
    st.one_of(st.sampled_from(["y", "n"]), st.integers().map(str), printable.map(kconfig.quoted)),
    st.just("x"),
)


def test_a_fragment_is_read_in_its_order() -> None:
    assert kconfig.parse(FRAGMENT, "box.config") == [
        Setting("BR2_PACKAGE_BUSYBOX", "y", "box.config"),
        Setting("BR2_PACKAGE_VIM", "n", "box.config"),
        Setting("BR2_TARGET_GENERIC_HOSTNAME", '"box"', "box.config"),
        Setting("BR2_JLEVEL", "4", "box.config"),
    ]


@given(st.lists(settings))
def test_what_is_written_is_read_again(given: list[Setting]) -> None:
    assert kconfig.parse(kconfig.render(given), "x") == given


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("BR2_PACKAGE_JQ", "not a setting"),
        ("BR2 PACKAGE=y", "not a setting"),
        ("BR2_X=yes", "not y, n, a number or a string"),
        ('BR2_X="half', "does not end"),
        ('BR2_X="a" "b"', "does not end"),
    ],
)
def test_anything_else_is_refused_with_its_line(line: str, why: str) -> None:
    with pytest.raises(FormatError, match=why) as caught:
        kconfig.parse(f"BR2_A=y\n{line}\n", "mine.config")
    assert caught.value.message.startswith("mine.config:2: ")


def test_a_later_setting_wins_and_stands_where_it_was_said() -> None:
    merged = kconfig.merge(kconfig.parse("BR2_A=y\nBR2_B=y\n# BR2_A is not set\n", "x"))
    assert kconfig.render(merged.values()) == "BR2_B=y\n# BR2_A is not set\n"


def test_lost_are_the_settings_that_came_out_otherwise() -> None:
    asked = kconfig.parse('BR2_A=y\nBR2_B=y\n# BR2_C is not set\n# BR2_D is not set\nBR2_E="x"\nBR2_F=""\n', "x")
    config = kconfig.read_config('BR2_A=y\n# BR2_B is not set\nBR2_C=y\nBR2_E="z"\n')
    assert [one.line for one in kconfig.lost(asked, config)] == ["BR2_B=y", "# BR2_C is not set", 'BR2_E="x"']


def test_the_difference_turns_one_configuration_into_the_other() -> None:
    before, after = {"BR2_A": "y", "BR2_B": "1"}, {"BR2_B": "2", "BR2_C": "y"}
    assert kconfig.difference(before, after) == {"BR2_A": "n", "BR2_B": "2", "BR2_C": "y"}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "y"),
        (False, "n"),
        (3, "3"),
        ("y", "y"),
        ("true", "y"),
        ("false", "n"),
        ("0x10", "0x10"),
        ("box", '"box"'),
        ('"box"', '"box"'),
        ('a "b"', '"a \\"b\\""'),
        ("", '""'),
    ],
)
def test_a_value_of_a_recipe_becomes_a_value_of_kconfig(value: str | int | bool, written: str) -> None:
    assert kconfig.value_of(value) == written


@given(printable)
def test_quotes_come_off_as_they_were_put_on(text: str) -> None:
    assert kconfig.unquoted(kconfig.quoted(text)) == text

"""Why Kconfig did not take a setting."""

import pytest

from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.expression import holds, parse_expression, unsatisfied
from fromscratch.formats.kconfig.menus import Menus, explain, read

FILES = {
    "Config.in": """
menu "Packages"
config BR2_BASE
	bool

source "package/a/Config.in"
source "$BR2_BASE_DIR/generated.in"
source "not/there.in"
endmenu

choice
	prompt "Init"
	default BR2_INIT_NONE

config BR2_INIT_BUSYBOX
	bool "BusyBox"

config BR2_INIT_NONE
	bool "None"
endchoice

if BR2_LINUX
config BR2_PACKAGE_MODULE
	bool "module"
endif
""",
    "package/a/Config.in": """
config BR2_PACKAGE_A
	bool "a"
	depends on BR2_THREADS && \\
		!BR2_STATIC
	depends on BR2_CPU = "fast" || BR2_BASE
	select BR2_PACKAGE_LIBA
	help
		config BR2_NOT_A_SYMBOL
		depends on nothing

		More help after a blank line.

comment "a needs threads"
	depends on !BR2_THREADS

config BR2_PACKAGE_LIBA
	bool
""",
    "/out/generated.in": 'config BR2_EXTERNAL_X\n\tstring "x"\n',
}


@pytest.fixture
def menus() -> Menus:
    return read("Config.in", FILES.get, {"BR2_BASE_DIR": "/out"})


def why(menus: Menus, line: str, config: str = "") -> str:
    [setting] = kconfig.parse(line, "test")
    return explain(setting, menus, kconfig.read_config(config))


def test_every_symbol_is_found_and_help_is_not_read(menus: Menus) -> None:
    assert sorted(menus.definitions) == [
        "BR2_BASE",
        "BR2_EXTERNAL_X",
        "BR2_INIT_BUSYBOX",
        "BR2_INIT_NONE",
        "BR2_PACKAGE_A",
        "BR2_PACKAGE_LIBA",
        "BR2_PACKAGE_MODULE",
    ]


def test_an_unmet_dependency_is_named_with_its_place(menus: Menus) -> None:
    assert why(menus, "BR2_PACKAGE_A=y", "BR2_STATIC=y\nBR2_BASE=y\n") == (
        "it needs BR2_THREADS (which is not set) and !BR2_STATIC (package/a/Config.in:2)"
    )
    assert why(menus, "BR2_PACKAGE_A=y", 'BR2_THREADS=y\nBR2_CPU="slow"\n') == (
        'it needs BR2_CPU = "fast" || BR2_BASE (package/a/Config.in:2)'
    )


def test_a_surrounding_if_is_a_dependency(menus: Menus) -> None:
    assert why(menus, "BR2_PACKAGE_MODULE=y") == "it needs BR2_LINUX (which is not set) (Config.in:23)"


def test_a_symbol_that_is_not_there_gets_the_nearest_name(menus: Menus) -> None:
    assert why(menus, "BR2_PACKAGE_B=y") == "there is no such symbol; did you mean BR2_PACKAGE_A?"
    assert why(menus, "BR2_QQQQ=y") == "there is no such symbol in this version"


def test_a_choice_names_the_member_that_was_taken(menus: Menus) -> None:
    assert why(menus, "BR2_INIT_BUSYBOX=y", "BR2_INIT_NONE=y\n") == "of that choice, BR2_INIT_NONE was taken"


def test_a_symbol_without_a_prompt_names_what_selects_it(menus: Menus) -> None:
    assert why(menus, "BR2_PACKAGE_LIBA=y") == (
        "it cannot be set by hand; turn on what selects it, such as BR2_PACKAGE_A"
    )


def test_a_symbol_that_stays_on_names_what_selects_it(menus: Menus) -> None:
    config = "BR2_PACKAGE_A=y\nBR2_PACKAGE_LIBA=y\n"
    assert why(menus, "# BR2_PACKAGE_LIBA is not set", config) == "it is selected by BR2_PACKAGE_A"


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("A", True),
        ("!A", False),
        ("A && B", False),
        ("A || B", True),
        ("!B && (B || A)", True),
        ("A || B && B", True),
        ('S = "x"', True),
        ("S != 'x'", False),
        ("N = 3", True),
        ("y", True),
    ],
)
def test_expressions_hold_as_kconfig_has_them(text: str, true: bool) -> None:
    assert holds(parse_expression(text), {"A": "y", "S": '"x"', "N": "3"}) is true


def test_only_the_parts_that_fail_are_unmet() -> None:
    assert [str(one) for one in unsatisfied(parse_expression("A && (B || !A) && !A"), {"A": "y"})] == ["B || !A", "!A"]


@pytest.mark.parametrize("text", ["", "A &&", "(A", "A )", "&& A", "A = ="])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_expression(text)

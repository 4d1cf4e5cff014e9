"""Regular expressions that are compiled when they are first used."""

import importlib
import pkgutil
import re
import sys

import pytest

import fromscratch
from fromscratch.lazy_regex import lazy_regex


def test_it_has_the_methods_of_a_compiled_one() -> None:
    digits = lazy_regex(r"(\d)(\d)", re.ASCII)
    assert [digits.sub(r"\2\1", "12 34"), digits.pattern, digits.groups] == ["21 43", r"(\d)(\d)", 2]
    found = lazy_regex(b"b+").search(b"abbc")
    assert found is not None
    assert found.span() == (1, 3)


def test_a_wrong_one_fails_when_it_is_used() -> None:
    wrong = lazy_regex("(")
    with pytest.raises(re.error):
        wrong.match("")


def test_every_one_of_the_house_can_be_compiled() -> None:
    for module in pkgutil.walk_packages(fromscratch.__path__, "fromscratch."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    lazy = type(lazy_regex(""))
    modules = [module for name, module in sys.modules.items() if name.startswith("fromscratch")]
    ours = [each for module in modules for each in vars(module).values() if type(each) is lazy]
    assert len(ours) > 100
    for each in ours:
        assert re.compile(each.pattern).groups == each.groups

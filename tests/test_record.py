"""Fields that records leave out of equality and hash, and out of what they print."""

import importlib
import pkgutil

import pytest
from msgspec import Struct
from msgspec.structs import replace

import fromscratch
from fromscratch.host.registry.credentials import Credentials
from fromscratch.model.entry import File, Origin
from fromscratch.model.image import Layer
from fromscratch.record import PartlyCompared, PartlyShown


class Dish(PartlyCompared, PartlyShown, frozen=True):
    uncompared = ("cook",)
    unshown = ("recipe",)

    name: str
    recipe: str
    cook: str = ""


class Drink(Dish, frozen=True):
    pass


SOUP = Dish("soup", "water", "Ann")


@pytest.mark.parametrize(
    ("one", "other"), [(SOUP, replace(SOUP, cook="Ben")), (Origin("s", "found in", "x"), Origin("s", "found in", "x"))]
)
def test_equal_records_are_not_unequal(one: Struct, other: Struct) -> None:
    assert (one == other, one != other) == (True, False)


def test_what_is_uncompared_makes_no_difference_and_all_else_does() -> None:
    by_another = replace(SOUP, cook="Ben")
    assert by_another == SOUP
    assert hash(by_another) == hash(SOUP)
    assert by_another.cook == "Ben"
    assert replace(SOUP, recipe="milk") != SOUP
    assert replace(SOUP, name="stew") != SOUP


def test_a_record_equals_none_of_another_class() -> None:
    assert Drink("soup", "water", "Ann") != SOUP
    assert SOUP != ("soup", "water")


def test_what_is_unshown_is_not_printed() -> None:
    assert repr(SOUP) == "Dish(name='soup', cook='Ann')"


def test_every_name_that_is_left_out_is_a_fields() -> None:
    for module in pkgutil.walk_packages(fromscratch.__path__, "fromscratch."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds = _below(PartlyCompared) | _below(PartlyShown)
    assert {File, Layer, Credentials} <= kinds
    for kind in kinds:
        if not kind.__struct_fields__:
            continue  # a base
        left_out = {*getattr(kind, "uncompared", ()), *getattr(kind, "unshown", ())}
        assert left_out <= set(kind.__struct_fields__), kind


def _below(kind: type[Struct]) -> set[type[Struct]]:
    found = set(kind.__subclasses__())
    return found.union(*(_below(each) for each in found))

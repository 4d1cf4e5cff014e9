"""Digests of facts that this machine remembers."""

from hypothesis import given
from hypothesis import strategies as st

from fromscratch.digest import of_facts

SCALARS = st.one_of(st.integers(), st.binary(max_size=4), st.text(st.characters(), max_size=4))
FACTS = st.recursive(SCALARS, lambda parts: st.lists(parts, max_size=3).map(tuple), max_leaves=8)


@given(FACTS, FACTS)
def test_other_facts_have_another_digest(one: object, other: object) -> None:
    assert (of_facts(one) == of_facts(other)) == (one == other)


@given(FACTS)
def test_the_same_facts_have_the_same_digest_however_they_were_made(facts: object) -> None:
    """Values that are one object, or that Python keeps one of, are written like any others."""
    assert of_facts([facts, facts]) == of_facts([facts, _anew(facts)])


def _anew(facts: object) -> object:
    match facts:
        case tuple():
            return tuple(map(_anew, facts))
        case str():
            return "".join([*facts, ""])
        case bytes():
            return bytes(bytearray(facts))
        case int():
            return int(str(facts))
        case _:
            return facts


def test_a_name_of_any_bytes_is_a_fact() -> None:
    assert of_facts(("caf\udce9",)) != of_facts(("café",))

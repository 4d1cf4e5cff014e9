"""Digests of facts that this machine remembers."""

from hypothesis import given
from hypothesis import strategies as st

from fromscratch.digest import ValueHasher

SCALARS = st.one_of(st.integers(), st.binary(max_size=4), st.text(st.characters(), max_size=4))
FACTS = st.recursive(SCALARS, lambda parts: st.lists(parts, max_size=3).map(tuple), max_leaves=8)


def of_facts(*facts: object) -> str:
    made = ValueHasher()
    for fact in facts:
        made.add(fact)
    return made.hexdigest()


@given(st.lists(FACTS, max_size=3), st.lists(FACTS, max_size=3))
def test_other_facts_have_another_digest(one: list[object], other: list[object]) -> None:
    assert (of_facts(*one) == of_facts(*other)) == (one == other)


@given(FACTS)
def test_the_same_facts_have_the_same_digest_however_they_were_made(facts: object) -> None:
    """Values that are one object, or that Python keeps one of, are written like any others."""
    assert of_facts((facts, facts)) == of_facts((facts, _anew(facts)))


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

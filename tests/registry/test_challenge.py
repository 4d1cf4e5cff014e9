"""What a registry asks for with 401, read from any text that a server can send: RFC 9110, 11.3 and 11.6.1."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.host.registry import challenge
from fromscratch.host.registry.challenge import Challenge, challenge_of, challenges
from tests.steps import check_growth

_TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$%&'*+-.^_`|~", min_size=1, max_size=12)
# quoted-string: everything but controls, with a backslash before what would end it.
_VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30)
_BLANK = st.sampled_from(["", " ", "\t", "  "])


@st.composite
def parameters(draw: st.DrawFn) -> tuple[dict[str, str], str]:
    """What is meant, and one way to write it."""
    meant = draw(st.dictionaries(_TOKEN.map(str.lower), _VALUE, max_size=4))
    written = []
    for name, value in meant.items():
        shown = draw(st.sampled_from([name, name.upper(), name.capitalize()]))
        bare = re.fullmatch(r"[a-zA-Z0-9._-]+", value) and draw(st.booleans())
        escaped = re.sub(r'(["\\])', r"\\\1", value)
        written.append(f"{shown}{draw(_BLANK)}={draw(_BLANK)}" + (value if bare else f'"{escaped}"'))
    return meant, draw(st.sampled_from([",", ", ", " , ", ",, "])).join(written)


@st.composite
def fields(draw: st.DrawFn) -> tuple[list[Challenge], str]:
    meant, written = [], []
    for _ in range(draw(st.integers(0, 3))):
        scheme = draw(_TOKEN)
        pairs, text = draw(parameters())
        if not pairs and draw(st.booleans()):
            text = draw(st.from_regex(r"[A-Za-z0-9._~+/-]{1,9}={0,2}", fullmatch=True))  # token68
        meant.append(Challenge(scheme.lower(), pairs))
        written.append(f"{scheme} {text}" if text else scheme)
    return meant, draw(st.sampled_from([", ", ",", " ,\t"])).join(written)


@given(fields())
def test_every_challenge_is_found_however_it_is_written(field: tuple[list[Challenge], str]) -> None:
    meant, written = field
    assert challenges(written) == meant
    for one in meant:
        assert challenge_of(written, one.scheme) == next(each for each in meant if each.scheme == one.scheme)


@given(st.text(max_size=300))
def test_any_text_has_an_answer(text: str) -> None:
    for one in challenges(text):
        assert one.scheme == one.scheme.lower()
        assert all(name == name.lower() for name in one.parameters)


@given(
    st.lists(st.sampled_from([*list('"\\=, \tBearer'), "realm=", 'realm="', 'Bearer realm="x"', "Basic"]), max_size=60)
)
def test_any_mixture_of_its_own_signs_has_an_answer(pieces: list[str]) -> None:
    challenges("".join(pieces))


@pytest.mark.parametrize(
    "text",
    [
        'Bearer realm="' + "\\" * 60_000,
        'a="' * 20_000,
        "a=" * 30_000,
        "a " * 30_000,
        "," * 60_000,
        "a" * 60_000,
        "a=\t" * 20_000,
    ],
)
def test_a_long_field_takes_no_longer_than_it_is(text: str) -> None:
    challenges(text)
    check_growth(lambda size: challenges(text[:size]), 500, challenge)


def test_the_first_of_a_name_and_of_a_scheme_counts() -> None:
    field = 'Basic realm="a", Bearer realm="b", realm="c", service=d, Bearer realm="e"'
    assert challenge_of(field, "bearer") == Challenge("bearer", {"realm": "b", "service": "d"})
    assert challenge_of(field, "digest") is None

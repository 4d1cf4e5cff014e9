"""Our NamedTuple beside that of typing: whoever has one cannot tell which."""

import copy
import typing
from typing import Any

import pytest

from fromscratch.named_tuple import NamedTuple


class Ours(NamedTuple):
    """Two and a default."""

    name: str
    size: int = 3

    @property
    def double(self) -> int:
        return self.size * 2


class Theirs(typing.NamedTuple):
    name: str
    size: int = 3


class Below(Ours):
    def shout(self) -> str:
        return self.name.upper()


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_it_is_a_tuple_with_names_and_defaults(kind: Any) -> None:
    one = kind("a")
    assert (one, one.name, one.size, one._asdict()) == (("a", 3), "a", 3, {"name": "a", "size": 3})
    assert kind(size=1, name="b") == kind("b", 1) == ("b", 1)
    assert one._replace(size=9) == ("a", 9)
    assert repr(one) == f"{kind.__name__}(name='a', size=3)"
    assert hash(one) == hash(("a", 3))
    assert type(copy.deepcopy(one)) is kind
    with pytest.raises(AttributeError):
        one.size = 4


@pytest.mark.parametrize("kind", [Ours, Theirs])
@pytest.mark.parametrize(
    ("given", "by_name"), [((), {}), (("a", 1, 2), {}), (("a",), {"name": "b"}), (("a",), {"x": 1})]
)
def test_what_does_not_fit_the_fields_is_refused(kind: Any, given: tuple[Any, ...], by_name: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        kind(*given, **by_name)


def test_it_may_have_methods_and_subclasses() -> None:
    assert Ours("a", 2).double == 4
    assert (Below("a", 2).shout(), Below("a", 2).size) == ("A", 2)
    match Ours("a", 5):
        case Ours("a", size):
            assert size == 5

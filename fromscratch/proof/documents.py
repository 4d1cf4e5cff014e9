"""Where two JSON documents first differ."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fromscratch.lazy_regex import lazy_regex
from fromscratch.proof.difference import Field, text_field

_PLAIN_KEY = lazy_regex(r"[A-Za-z_][A-Za-z0-9_]*")


def first_field(left: Any, right: Any, place: str = "") -> Field | None:
    """The first value, in the order of `left`, that is another in `right`; named by its path, as config.Env[0]."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        keys = [*left, *(key for key in right if key not in left)]
        parts = [(_member(place, key), left.get(key, _NOTHING), right.get(key, _NOTHING)) for key in keys]
    elif _is_list(left) and _is_list(right):
        count = max(len(left), len(right))
        parts = [(f"{place}[{index}]", _item(left, index), _item(right, index)) for index in range(count)]
    else:
        return None if _same(left, right) else _field(place, left, right)
    for name, one, other in parts:
        found = first_field(one, other, name)
        if found is not None:
            return found
    return None


class _Nothing:
    """Where one side has no value at all."""


_NOTHING = _Nothing()


def _field(place: str, left: Any, right: Any) -> Field:
    if left is _NOTHING or right is _NOTHING:
        return Field(
            place, *(None if value is _NOTHING else text_field("", _text(value), "").left for value in (left, right))
        )
    return text_field(place, _text(left), _text(right))


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _item(values: Sequence[Any], index: int) -> Any:
    return values[index] if index < len(values) else _NOTHING


def _member(place: str, key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        return f"{place}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{place}.{key}" if place else key

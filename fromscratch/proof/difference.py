"""Where two images first differ, in words."""

from collections.abc import Sequence
from typing import Any, Literal, assert_never

from msgspec import Struct

from fromscratch.model.listing import quoted

Kind = Literal[
    "platforms", "layers", "configuration", "manifest", "index", "evidence", "entry", "order", "form", "compression"
]
_ABSENT = "not there"
_BEFORE, _AFTER = 12, 24
_BYTES = 12  # of those that are no text


class Field(Struct, frozen=True):
    """One thing that is said in two ways; None where one side does not say it at all."""

    name: str
    left: str | None
    right: str | None

    def described(self, left: str, right: str) -> str:
        return f"{self.name} is {_there(self.left)} in {left} and {_there(self.right)} in {right}"


class Difference(Struct, frozen=True, kw_only=True):
    """The first place where two images differ, and all that differs there.

    `layer` counts from 1. `path` is that of an entry. An entry that only one image has,
    has a single field, `entry`, whose values are the kind of entry and None.
    """

    kind: Kind
    fields: tuple[Field, ...]
    platform: str = ""
    layer: int = 0
    path: str = ""

    def described(self, left: str = "the first", right: str = "the second") -> str:
        """One line, in which the two images have these names."""
        what = "; ".join(field.described(left, right) for field in self.fields)
        of = f" of {self.platform}" if self.platform else ""
        match self.kind:
            case "platforms" | "layers":
                return f"{self.platform}: {what}" if self.platform else what
            case "configuration" | "manifest" | "index" | "evidence":
                return f"the {self.kind}{of}: {what}"
            case "order":
                return f"layer {self.layer}{of}: its entries stand in another order: {what}"
            case "form":
                return f"layer {self.layer}{of}: its entries say the same, but are written differently: {what}"
            case "compression":
                return f"layer {self.layer}{of}: it holds the same tar, compressed differently: {what}"
            case "entry":
                return f"layer {self.layer}{of}: {self._entry(what, left, right)}"
            case _:
                assert_never(self.kind)

    def _entry(self, what: str, left: str, right: str) -> str:
        first = self.fields[0]
        if first.name != "entry":
            return f"{quoted(self.path)}: {what}"
        return f"{quoted(self.path)}, a {first.left or first.right}, is in {right if first.left is None else left} only"

    def facts(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "kind": self.kind,
            "platform": self.platform,
            "layer": self.layer or None,
            "path": quoted(self.path) or None,
            "fields": [{"name": field.name, "first": field.left, "second": field.right} for field in self.fields],
            "text": self.described(),
        }


def common(left: Sequence[object], right: Sequence[object]) -> int:
    """How many items, characters or bytes are the same at the beginning of both."""
    alike = (place for place, (one, other) in enumerate(zip(left, right, strict=False)) if one != other)
    return next(alike, min(len(left), len(right)))


def text_field(name: str, left: str, right: str) -> Field:
    """Two texts: what is long begins shortly before the place where they differ."""
    start = max(0, common(left, right) - _BEFORE)
    if max(len(left), len(right)) <= 2 * (_BEFORE + _AFTER):
        start = 0
    return Field(name, _cut(left, start), _cut(right, start))


def bytes_field(name: str, left: bytes, right: bytes) -> Field:
    """Two pieces of bytes that differ from their first one on."""
    return Field(name, _piece(left), _piece(right))


def shown(data: bytes) -> str:
    """Bytes in one line: text in quotes if it is text, else hexadecimal."""
    return _quoted(data) or data.hex(" ")


def _piece(data: bytes) -> str:
    if not data:
        return "at its end"
    text = _quoted(data[:_AFTER])
    return (text or data[:_BYTES].hex(" ")) + ("…" if len(data) > (_AFTER if text else _BYTES) else "")


def _quoted(data: bytes) -> str:
    """The bytes as text in quotes; nothing if they are none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    plain = all(char.isprintable() or char in "\n\t" for char in text)
    return repr(text) if plain else ""


def _cut(text: str, start: int) -> str:
    end = start + 2 * (_BEFORE + _AFTER)
    return ("…" if start else "") + text[start:end] + ("…" if len(text) > end else "")


def _there(value: str | None) -> str:
    return _ABSENT if value is None else value

"""A YAML document decoded into msgspec types, with every fault found in one run.

msgspec stops at the first fault. So each fault is noted and its part taken out of the document, and
decoding begins again, until it succeeds or nothing can be taken out.
"""

import re
import typing
from typing import Any, Literal, TypeVar, cast

import msgspec
from msgspec import Struct

from fromscratch.formats.yaml.document import Document, Path
from fromscratch.nearest import nearest

T = TypeVar("T", bound=Struct)
_ROUNDS = 100  # each decodes all of it again; nobody reads more faults at once
_WORDS = {
    "array": "a list",
    "object": "a mapping of keys",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}


class Fault(Struct, frozen=True):
    """`path` is the key's place in the document, `line` counts from 1."""

    line: int
    path: Path
    text: str

    def __str__(self) -> str:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        return f"{where}: {self.text}" if where else self.text


def decode(value: Any, document: Document, kind: type[T]) -> tuple[T | None, list[Fault]]:
    """The document's value as `kind`, and its faults; None if a fault left nothing to decode.

    `value` is changed. Scalars are text; numbers and truth values are read out of them as `kind` wants.
    """
    decoder = _Decoder({} if value is None else value, document, kind)
    for _round in range(_ROUNDS):
        try:
            return msgspec.convert(decoder.value, kind, strict=False), decoder.faults
        except msgspec.ValidationError as error:
            if not decoder.note(str(error)):
                break
    return None, decoder.faults


class _Decoder:
    def __init__(self, value: Any, document: Document, kind: type[Struct]) -> None:
        self.value, self.document, self.kind = value, document, kind
        self.faults: list[Fault] = []
        self.faulty: set[Path] = set()
        self.gone: dict[Path, list[int]] = {}  # what was taken out of lists, by its place as written

    def note(self, message: str) -> bool:
        """Note the fault and take its part out; False if that cannot be done."""
        text, _, where = message.partition(" - at `")
        current = _path(where.rstrip("`"))
        if found := re.search(r"unknown field `(.*)`", text):
            return self._unknown((*current, found[1]), current)
        if found := re.search(r"missing required field `(.*)`", text):
            return self._missing(current, found[1])
        known = self._keys_at(self._original(current))
        ours = re.match(r"(\w+): ", text)  # a __post_init__ names the key that it refuses
        if ours and ours[1] in known:
            current, text = (*current, ours[1]), text[ours.end() :]
        if not (text.startswith("Expected `array` of length") and self.gone.get(self._original(current))):
            self._add(self._original(current), self._reworded(text, current))  # else empty by our own hand
        return self._take_out(current)

    def _reworded(self, text: str, current: Path) -> str:
        """msgspec's message in plain words; for an unknown word, with the known ones."""
        if text.startswith("Invalid enum value") and (known := self._words_at(self._original(current))):
            word = str(self._at(current))
            keys = self._keys_at(self._original(current), needed=True)  # of the mapping that may stand there too
            guess = next(iter(nearest(word, [*known, *keys])), None)
            meant = f"{{{guess}: …}}" if guess in keys else repr(guess)
            forms = [*known, *(f"{{{key}: …}}" for key in keys)]
            return f"{word!r} is not known here; " + (f"did you mean {meant}?" if guess else f"write {_either(forms)}")
        if text.startswith("Expected `str` matching regex"):
            return f"{self._at(current)!r} cannot stand here; it must match {text.partition('regex ')[2]}"
        return _expected(text)

    def _unknown(self, current: Path, parent: Path) -> bool:
        """A key that is not known. One that was probably meant takes its place: a slip of the pen is one fault."""
        known, holder = self._keys_at(self._original(parent)), self._at(parent)
        guess = next(iter(nearest(str(current[-1]), known)), None)
        meant = f"did you mean {guess!r}?" if guess else f"known here: {', '.join(known)}"
        self._add(self._original(current), f"no such key; {meant}")
        if guess is None or guess in holder:
            return self._take_out(current)
        holder[guess] = holder.pop(current[-1])
        return True

    def _missing(self, current: Path, key: str) -> bool:
        if (*self._original(current), key) not in self.faulty:
            self._add(self._original(current), f"the key {key!r} is missing")
        return self._take_out(current)

    def _add(self, path: Path, text: str) -> None:
        known = path
        while known and known not in self.document.lines:
            known = known[:-1]
        self.faults.append(Fault(self.document.lines.get(known, 1), path, text))

    def _at(self, current: Path) -> Any:
        value = self.value
        for part in current:
            value = value[part]
        return value

    def _take_out(self, current: Path) -> bool:
        if not current:
            return False
        path = self._original(current)
        try:
            del self._at(current[:-1])[current[-1]]
        except (KeyError, IndexError, TypeError):
            return False
        self.faulty.add(path)
        if isinstance(path[-1], int):
            self.gone.setdefault(path[:-1], []).append(path[-1])
        return True

    def _original(self, path: Path) -> Path:
        """The path in the document as written, before faulty items were taken out of its lists."""
        out: Path = ()
        for part in path:
            if isinstance(part, int):
                for missing in sorted(self.gone.get(out, [])):
                    part += missing <= part
            out = (*out, part)
        return out

    def _keys_at(self, path: Path, *, needed: bool = False) -> list[str]:
        """The keys that may stand, or with `needed` have to stand, in the mapping at this path."""
        kind: Any = self.kind
        for part in path:
            kind = _part_of(kind, part)
        fields = msgspec.structs.fields(kind) if _is_struct(kind) else ()
        return [field.name for field in fields if field.required or not needed]

    def _words_at(self, path: Path) -> list[str]:
        """The words of the Literal that may stand at this path, if one may."""
        kind: Any = self.kind
        for part in path[:-1]:
            kind = _part_of(kind, part)
        if not _is_struct(kind) or not isinstance(path[-1], str):
            return []
        hint = typing.get_type_hints(kind)[path[-1]]
        for each in (hint, *typing.get_args(hint)):
            if typing.get_origin(each) is Literal:
                return [str(word) for word in typing.get_args(each)]
        return []


def _path(text: str) -> Path:
    """msgspec's `$.rootfs[0].debian` as a path; `[...]`, some value of a mapping, ends it."""
    parts: list[str | int] = []
    for word, index, some in re.findall(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])", text.removeprefix("$")):
        if some:
            break
        parts.append(word or int(index))
    return tuple(parts)


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _part_of(kind: Any, part: str | int) -> Any:
    """The type of a key of a Struct or an item of a list; of a union, the Struct in it."""
    if isinstance(part, str) and _is_struct(kind):
        kind = typing.get_type_hints(kind).get(part)
    elif isinstance(part, int):
        kind = next(iter(typing.get_args(kind)), None)
    if typing.get_args(kind) and typing.get_origin(kind) is not list:
        members = typing.get_args(kind)
        kind = next((member for member in members if _is_struct(member)), cast(Any, members[0]))
    return kind


def _expected(text: str) -> str:
    found = re.fullmatch(r"Expected `(.*)`, got `(.*)`", text)
    if not found:
        plain = re.sub(r"`(\w+)`", lambda word: _WORDS.get(word[1], word[1]), text)
        return plain[:1].lower() + plain[1:]
    expected, given = (
        " or ".join(_WORDS.get(word.strip(), word.strip()) for word in side.split("|") if word.strip() != "null")
        for side in found.groups()
    )
    example = ", such as [/bin/sh, -c, date]" if expected == "a list" and given == "a text" else ""
    return f"expected {expected}{example}, got {given or 'nothing'}"

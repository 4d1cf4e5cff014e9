"""Values to YAML that people read and edit: `document.load` gives the same values back, each scalar as its text.

Mappings are written in their order, short lists on one line, and texts of several lines as blocks.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fromscratch.lazy_regex import lazy_regex

_WIDTH = 110
_PLAIN = lazy_regex(r"[A-Za-z0-9_/.][A-Za-z0-9_/.@+~-]*(?:[:=][A-Za-z0-9_/.@+~-]+)*(?: [A-Za-z0-9_/.@+~()-]+)*")
# What readers of YAML 1.1 and 1.2 take for something else than text: truth values, nothing, numbers and dates.
_SPECIAL = lazy_regex(
    r"(?i:y|n|yes|no|on|off|true|false|null|~|\.nan)|[-+]?\.?[0-9][0-9_.,:a-fA-FxXoO+-]*|[-+]?\.inf|\.*"
)
_UNPRINTABLE = lazy_regex(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def written(value: Mapping[str, Any]) -> str:
    """The text of a mapping of mappings, lists, texts, whole numbers and truth values."""
    return "".join(f"{line}\n" for line in mapping_lines(value))


def mapping_lines(value: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a mapping, not indented."""
    for key, item in value.items():
        yield from _headed(f"{scalar(key)}:", item)


def list_lines(value: Sequence[Any]) -> Iterator[str]:
    """The lines of a list, one item below the other, not indented."""
    for item in value:
        if _short(item) is None and isinstance(item, Mapping):
            lines = list(mapping_lines(item))
            yield f"- {lines[0]}"
            yield from (f"  {line}" if line else line for line in lines[1:])
        else:
            yield from _headed("-", item)


def _headed(head: str, value: Any) -> Iterator[str]:
    short = _short(value)
    if short is not None and (len(head) + len(short) < _WIDTH or not isinstance(value, Mapping | list | tuple)):
        yield f"{head} {short}"
    elif isinstance(value, str):
        lines = value.split("\n")
        yield f"{head} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"  {line}" if line else "" for line in (lines[:-1] if value.endswith("\n") else lines))
    else:
        yield head
        yield from (
            f"  {line}" if line else line
            for line in (mapping_lines(value) if isinstance(value, Mapping) else list_lines(value))
        )


def _short(value: Any) -> str | None:
    """The value on one line; None where it needs several, or would not be read easily."""
    if isinstance(value, str):
        return None if _is_block(value) else scalar(value)
    if isinstance(value, Mapping):
        parts = [(scalar(key), _short(item)) for key, item in value.items()]
        one_line = f"{{{', '.join(f'{key}: {part}' for key, part in parts)}}}"
        nested = any(isinstance(item, Mapping) and item for item in value.values())
        return None if nested or len(one_line) > _WIDTH or any(part is None for _, part in parts) else one_line
    if isinstance(value, list | tuple):
        items = [_short(item) for item in value]
        nested = any(isinstance(item, Mapping | list | tuple) for item in value)
        return None if nested or any(item is None for item in items) else f"[{', '.join(map(str, items))}]"
    return scalar(value)


def _is_block(text: str) -> bool:
    """Whether a text can be written as a literal block, and is better so."""
    inside = text.rstrip("\n")
    plain_end = len(text) - len(inside) <= 1
    return "\n" in inside and plain_end and not inside.startswith((" ", "\t", "\n")) and not _UNPRINTABLE.search(text)


def scalar(value: object) -> str:
    """A scalar on one line, in quotes where it would be read as something else without."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if not isinstance(value, str):
        return str(value)
    if _PLAIN.fullmatch(value) and not _SPECIAL.fullmatch(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return re.sub(_UNPRINTABLE.pattern, lambda found: f"\\u{ord(found[0]):04x}", quoted)

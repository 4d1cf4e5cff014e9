"""The sets of characters that tr takes."""

import re

from fromscratch.paths import encode
from fromscratch.transforms.shell.machine import NotUnderstood

_CLASSES = {
    "upper": bytes(range(65, 91)),
    "lower": bytes(range(97, 123)),
    "alpha": bytes([*range(65, 91), *range(97, 123)]),
    "digit": bytes(range(48, 58)),
    "alnum": bytes([*range(48, 58), *range(65, 91), *range(97, 123)]),
    "space": b"\t\n\v\f\r ",
    "blank": b"\t ",
    "cntrl": bytes([*range(32), 127]),
    "print": bytes(range(32, 127)),
    "graph": bytes(range(33, 127)),
    "punct": bytes([*range(33, 48), *range(58, 65), *range(91, 97), *range(123, 127)]),
    "xdigit": b"0123456789ABCDEFabcdef",
}
_ESCAPES = {"n": 10, "t": 9, "r": 13, "\\": 92, "a": 7, "b": 8, "f": 12, "v": 11}
_TOKEN = re.compile(r"\[:([a-z]+):\]|\[(.)\*([0-9]*)\]|\\([0-7]{1,3})|\\(.)|(.)", re.DOTALL)


def expanded(text: str) -> bytes:
    """The bytes of a set, in order: ranges, classes and escapes written out. Raises NotUnderstood."""
    found = bytearray()
    members: list[int | None] = []
    for token in _TOKEN.finditer(text):
        name, repeated, _, octal, escape, plain = token.groups()
        if name is not None:
            if name not in _CLASSES:
                raise NotUnderstood(f"the class {name} is not known")
            members += _CLASSES[name]
        elif repeated is not None or (octal and int(octal, 8) > 255):
            raise NotUnderstood(f"the set {text} is not known")
        elif plain == "-":
            members.append(None)
        else:
            value = int(octal, 8) if octal else _ESCAPES.get(escape, -1) if escape else -1
            members += [value] if value >= 0 else encode(escape or plain)
    position = 0
    while position < len(members):
        member = members[position]
        last = members[position + 2] if position + 2 < len(members) and members[position + 1] is None else None
        if member is not None and last is not None:
            if last < member:
                raise NotUnderstood(f"the set {text} has a range that is not known")
            found += bytes(range(member, last + 1))
            position += 3
        else:
            found.append(ord("-") if member is None else member)
            position += 1
    return bytes(found)


def translation(first: bytes, second: bytes) -> bytes:
    """The table that gives each byte of one set its partner in the other, whose last byte is as often as needed."""
    if not second:
        raise NotUnderstood("the second set is empty")
    table = bytearray(range(256))
    for place, byte in enumerate(first):
        table[byte] = second[min(place, len(second) - 1)]
    return bytes(table)

"""Numbers for accounts that have none of their own: found from the account's name, so that every image agrees."""

import hashlib
from collections.abc import Collection, Mapping

from msgspec import Struct

SYSTEM, ORDINARY = range(100, 1000), range(1000, 60000)
"""The numbers that distributions leave to accounts of packages, and to those of people."""
_TRIES = 64


class GivenNumbers(Struct, frozen=True):
    """The numbers that the recipe gives to accounts, by their names."""

    users: Mapping[str, int] = {}
    groups: Mapping[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)


def stable_number(name: str, used: Collection[int], numbers: range = SYSTEM) -> int | None:
    """The number of an account: the same for the same name, unless `used` has it already; None if all are used.

    Which other accounts an image has, and in which order they were added, matters only where two names meet on a
    number: the later one then takes the next that its name leads to.
    """
    if not numbers:
        return None
    for attempt in range(_TRIES):
        digest = hashlib.sha256(f"{name}\0{attempt}".encode("utf-8", "surrogateescape")).digest()
        number = numbers[int.from_bytes(digest[:8], "big") % len(numbers)]
        if number not in used:
            return number
    return next((number for number in numbers if number not in used), None)

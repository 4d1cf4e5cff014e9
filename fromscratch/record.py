"""Records that leave fields out of equality and hash, or out of what they print.

Every record of the package is a frozen `msgspec.Struct`; these are bases for the few that need more than it offers.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

from msgspec import Struct


class OwnEquality(Struct, frozen=True, eq=False):
    """A record with an `__eq__` of its own. A Struct answers `!=` by itself, where other classes ask `__eq__`."""

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal


class PartlyCompared(OwnEquality, frozen=True, eq=False):
    """Equal to one of its class if all fields but those in `uncompared` are; the hash is of the same fields."""

    uncompared: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        key = _compared(type(self))
        return bool(key(self) == key(other))

    def __hash__(self) -> int:
        return hash(_compared(type(self))(self))


class PartlyShown(Struct, frozen=True):
    """Its repr leaves out the fields named in `unshown`: secrets, and what would fill the screen."""

    unshown: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in self.unshown)
        return f"{type(self).__name__}({', '.join(shown)})"


@cache
def _compared(kind: type[PartlyCompared]) -> Callable[[Any], object]:
    """What takes the fields that count out of a record: an attrgetter, since a tuple built in Python takes longer."""
    return attrgetter(*(name for name in kind.__struct_fields__ if name not in kind.uncompared))

"""`NamedTuple` without `typing`, which takes longer to load than all else that a question about a program needs.

It is for the modules that answer such questions: msgspec loads typing as well. Type checkers see the real one.
"""

from __future__ import annotations

import sys
from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING or sys.version_info >= (3, 14):  # which has no annotations in the body of a class: PEP 649
    from typing import NamedTuple as NamedTuple
else:

    class _Kind(type):
        def __new__(cls, name, bases, space):
            if bases and getattr(bases[0], "_fields", ()):  # a subclass of one, which adds methods
                return super().__new__(cls, name, bases, space)
            fields = tuple(space.get("__annotations__", ()))
            defaults = {field: space.pop(field) for field in fields if field in space}
            getters = {field: property(itemgetter(place)) for place, field in enumerate(fields)}
            own = {"__slots__": (), "_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
            return super().__new__(cls, name, bases, {**own, **space, **getters})

    class NamedTuple(tuple, metaclass=_Kind):
        """A tuple whose items have the names, and perhaps the defaults, that the class body gives."""

        def __new__(cls, *given, **extra):
            fields = cls._fields
            if extra or len(given) != len(fields):
                values = {**cls._field_defaults, **dict(zip(fields, given, strict=False)), **extra}
                if len(given) > len(fields) or values.keys() != set(fields) or extra.keys() & set(fields[: len(given)]):
                    raise TypeError(f"{cls.__name__} takes {', '.join(fields)}")
                given = [values[field] for field in fields]
            return tuple.__new__(cls, given)

        def __repr__(self):
            return (
                f"{type(self).__name__}({', '.join(f'{field}={value!r}' for field, value in self._asdict().items())})"
            )

        def __getnewargs__(self):
            return tuple(self)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **changes):
            return type(self)(**{**self._asdict(), **changes})

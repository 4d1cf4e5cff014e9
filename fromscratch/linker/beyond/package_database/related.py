"""The type of an answer about packages that belong together."""

from msgspec import Struct


class Related(Struct, frozen=True):
    """The packages that one needs, itself first; the others that are built from one source; and those that one of
    them recommends, each with what it needs itself; those alone are what it `recommends`."""

    needed: tuple[str, ...]
    siblings: tuple[str, ...]
    recommended: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()

"""Why packages cannot be installed together: one form of message for the resolvers of all package managers.

    nothing provides X, needed by Y (Depends: X), needed by Z (Depends: Y), asked for in rootfs[0]
    A 1 does not go with B 2 (Conflicts: b);
      A is asked for in rootfs[0];
      B is needed by C (Depends: B), asked for in rootfs[0]

and a hint that says what there is instead: other versions, providers, or names much like the one that is missing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.nearest import nearest

_MOST_VERSIONS = 8
_OTHER_BASE = "take packages of the release that the base is made of, or a base of this one"


class Requirement(Struct, frozen=True):
    """One link of a chain: the package `by` has `relation` in its field `field`."""

    by: str
    field: str
    relation: str

    def __str__(self) -> str:
        return f"needed by {self.by} ({self.field}: {self.relation})"


class Involved(Struct, frozen=True):
    """A package in a conflict: its name, how it is shown (with its version), and why it is there.

    `below` is true for one that the items below have already.
    """

    name: str
    shown: str
    chain: Sequence[Requirement] = ()
    below: bool = False

    def reason(self, place: str) -> str:
        """Why it is there, in words."""
        return f"in the items below {place} already" if self.below else reason(self.chain, place)


def chain_to(name: str, requirements: Mapping[str, Requirement | None]) -> Iterator[Requirement]:
    """Why a package is there, link by link, given the requirement that brought each package; None: it was asked for."""
    seen: set[str] = set()
    while name not in seen and (link := requirements.get(name)) is not None:
        yield link
        seen.add(name)
        name = link.by


def reason(chain: Iterable[Requirement], place: str) -> str:
    """`needed by git (Depends: zlib1g), …, asked for in rootfs[0]`."""
    return ", ".join([*map(str, chain), f"asked for in {place}"])


def no_index_has(asked: str, place: str, hint: str) -> ImageError:
    """The error for a package of the recipe that no index has."""
    return ImageError(f"no index has {asked}, asked for in {place}", hint)


def nothing_provides(need: str, chain: Iterable[Requirement], place: str, hint: str) -> ImageError:
    """The error for a dependency that nothing satisfies."""
    return ImageError(f"nothing provides {need}, {reason(chain, place)}", hint)


def not_together(one: Involved, other: Involved, how: str, place: str) -> ImageError:
    """The error for two packages of which one refuses the other; `how` is what it says, such as `Conflicts: b`."""
    return ImageError(
        f"{one.shown} does not go with {other.shown} ({how});\n"
        f"  {one.name} is {one.reason(place)};\n  {other.name} is {other.reason(place)}",
        "leave one of the two out, or exclude it",
    )


def versions_disagree(demanded: Involved, present: Involved, relation: str, place: str) -> ImageError:
    """The error for a second version of a package that is there already, demanded by `relation`."""
    return ImageError(
        f"{demanded.shown}, {demanded.reason(place)}, cannot be had beside {present.shown}, "
        f"{present.reason(place)}; the wish is {relation}",
        _OTHER_BASE if present.below else "ask for versions that agree, or for fewer packages",
    )


def other_versions(name: str, versions: Iterable[str], missing: str) -> str:
    """The hint when the name exists; `missing` is what the recipe may lack, such as `a suite missing (also:)`."""
    found = list(dict.fromkeys(versions))
    shown = [*found[:_MOST_VERSIONS], *(["…"] if len(found) > _MOST_VERSIONS else [])]
    return f"there is {name} {', '.join(shown)}; is {missing}, or the version wrong?"


def providers(name: str, names: Iterable[str]) -> str:
    """The hint when only other packages provide the name."""
    return f"{name} is provided by {', '.join(dict.fromkeys(names))}: name the one you want"


def similar_names(near: Iterable[str], missing: str) -> str:
    """The hint when nothing has the name; `missing` is where it could be, such as `a component or suite`."""
    found = list(dict.fromkeys(near))
    if found:
        return f"did you mean {' or '.join(found)}? Or is {missing} missing?"
    return f"see whether the name is right, or whether {missing} is missing"


def near(name: str, names: Sequence[str]) -> list[str]:
    """Up to three names much like this one, the nearest first, then those that have it as a word."""
    likely = (other for other in names if other[:1] == name[:1] and abs(len(other) - len(name)) < 4)
    inside = re.compile(rf"(?:^|[^a-z]){re.escape(name)}(?:$|[^a-z])")
    close = nearest(name, likely, count=3, cutoff=0.75)
    return [*close, *sorted((n for n in names if inside.search(n) and n not in close), key=len)][:3]

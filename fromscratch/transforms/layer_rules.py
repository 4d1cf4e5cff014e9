"""The rules of `layers:` in a recipe, which divide the entries of a tree into layers.

The smallest part is a `Unit`: the files of one package of an item, or the other files of an item; the reasons of the
entries show which. A rule puts the units into groups, one per layer, from those that change least to those that change
most: engines unpack a changed layer and all layers above it again.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Literal

from msgspec import Struct

from fromscratch.model.entry import Entry, Origin
from fromscratch.model.provenance import public_name
from fromscratch.paths import TreePath

BY_RECIPE = "recipe"
"""The source of what the recipe itself writes, such as its accounts."""
MOST = 100
"""Engines mount 127 layers at most, and an image built on this one adds its own."""
_SHOWN = 3


class Stage(IntEnum):
    """How often a unit is likely to change, the steadiest first."""

    BASE = 0
    LIBRARIES = 1
    APPLICATION = 2
    FILES = 3


class Unit(Struct, frozen=True, order=True):
    """`position` is the item's place in the recipe, -1 where no reason is known. `package` is empty for the rest of an
    item."""

    position: int
    label: str
    stage: Stage
    package: str = ""

    @property
    def title(self) -> str:
        return self.package or _source(self.label)


class Group(Struct, frozen=True):
    """The units of one layer; `comment` describes them in a few words."""

    comment: str
    units: tuple[Unit, ...]


def units_of(entries: Mapping[TreePath, Entry], items: Sequence[str]) -> dict[TreePath, Unit]:
    """The unit that each entry belongs to; `items` are the labels of the sources, in the order of the recipe.

    Of several reasons the first counts, except for a file that the recipe itself wrote.
    """
    known: dict[int, Unit] = {}  # by the identity of the reason, which thousands of files share
    units: dict[TreePath, Unit] = {}
    for path, entry in entries.items():
        owner = _owner(entry.origins)
        unit = known.get(id(owner))
        if unit is None:
            unit = known[id(owner)] = _unit(owner, items)
        units[path] = unit
    return units


def _owner(origins: Sequence[Origin]) -> Origin | None:
    for origin in origins:
        if origin.source == BY_RECIPE:
            return origin
    return origins[0] if origins else None


def _unit(owner: Origin | None, items: Sequence[str]) -> Unit:
    if owner is None:
        return Unit(-1, "", Stage.BASE)
    position = items.index(owner.source) if owner.source in items else len(items)
    # The files of a tarball are "shipped in" it too, but it is not a package: it has no further reason.
    package = owner.detail if owner.reason == "shipped in" and owner.because else ""
    return Unit(position, owner.source, _stage(owner, position), package)


def groups(sizes: Mapping[Unit, int], rule: Literal["source", "package"] | int) -> list[Group]:
    """The layers for these units, whose bytes are given, the lowest first. A number is a budget: at most so many."""
    if rule == "source":
        return _bounded([Group(title, units) for title, units in _by_source(sizes)], MOST)
    if rule == "package":
        return _bounded(_by_package(sizes), MOST)
    return _bounded(_by_budget(sizes, rule), rule)


def _stage(owner: Origin, position: int) -> Stage:
    if owner.source == BY_RECIPE:
        return Stage.FILES
    why: Origin | None = owner
    while why is not None and why.reason in ("shipped in", "link to", "parent of"):
        why = why.because
    match why.reason if why else "found in":
        case "needed by" | "interpreter of" | "opened by":
            return Stage.LIBRARIES
        case "found in":  # a folder or an archive as a whole: the root to begin with, or files of the project
            return Stage.BASE if position == 0 else Stage.FILES
        case _:
            return Stage.APPLICATION


def _by_source(units: Iterable[Unit]) -> list[tuple[str, tuple[Unit, ...]]]:
    """The units of each item together, in the order of the recipe, with what to call the item."""
    items: dict[tuple[bool, int, str], list[Unit]] = {}
    for unit in units:
        items.setdefault((unit.label == BY_RECIPE, unit.position, unit.label), []).append(unit)
    return [(_source(key[-1]), tuple(sorted(items[key]))) for key in sorted(items)]


def _by_package(sizes: Mapping[Unit, int]) -> list[Group]:
    """Where there are more packages than there may be layers, the smallest stay with the rest of their item."""
    items = _by_source(sizes)
    packages: dict[tuple[str, str], int] = {}
    for unit in sizes:
        if unit.package:
            name = unit.label, unit.package
            packages[name] = packages.get(name, 0) + sizes[unit]
    alone = set(sorted(packages, key=lambda name: (-packages[name], name))[: max(0, MOST - len(items))])
    layers = []
    for title, units in items:
        own: dict[str, list[Unit]] = {}
        for unit in units:
            own.setdefault(unit.package if (unit.label, unit.package) in alone else "", []).append(unit)
        rest = own.pop("", None)
        layers += [Group(f"{package} ({title})", tuple(own[package])) for package in sorted(own)]
        if rest:
            layers.append(Group(f"the rest of {title}" if own else title, tuple(rest)))
    return layers


def _by_budget(sizes: Mapping[Unit, int], budget: int) -> list[Group]:
    """The largest units each alone, as far as the budget goes, and what is left of each stage together."""
    # The first item is what the programs of later ones stand on, whoever asked for its parts.
    begins = any(unit.position > 0 and unit.stage in (Stage.LIBRARIES, Stage.APPLICATION) for unit in sizes)
    stages = {unit: Stage.BASE if begins and unit.position == 0 else unit.stage for unit in sizes}
    largest = sorted(sizes, key=lambda unit: (-sizes[unit], unit))
    together: dict[Stage, list[Unit]] = {stage: [] for stage in sorted(set(stages.values()))}
    for unit in largest:
        together[stages[unit]].append(unit)
    left = budget - len(together)
    alone: dict[Stage, list[Unit]] = {stage: [] for stage in together}
    for unit in largest:
        stage = stages[unit]
        if left > 0 and len(together[stage]) > 1:
            together[stage].remove(unit)
            alone[stage].append(unit)
            left -= 1
    layers = []
    for stage, rest in together.items():
        for units in (*([unit] for unit in sorted(alone[stage])), rest):
            titles = _listed([unit.title for unit in units])
            layers.append(Group(f"{stage.name.lower()}: {titles}", tuple(units)))
    return layers


def _bounded(layers: list[Group], most: int) -> list[Group]:
    """No more than so many: the first ones, which change least, share one."""
    if len(layers) <= most:
        return layers
    first = layers[: len(layers) - most + 1]
    units = tuple(unit for group in first for unit in group.units)
    return [Group(_listed([group.comment for group in first], "; "), units), *layers[len(first) :]]


def _source(label: str) -> str:
    return "what the recipe itself writes" if label == BY_RECIPE else public_name(label) or "what has no reason"


def _listed(titles: Sequence[str], between: str = ", ") -> str:
    """The first few of many."""
    known = list(dict.fromkeys(titles))
    more = len(known) - _SHOWN
    return between.join(known[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

"""What the resolver is asked for, and the packages that it answers with."""

from collections.abc import Mapping

from msgspec import Struct

from fromscratch.formats.debian.index import Package
from fromscratch.formats.debian.version import Relation
from fromscratch.sources.debian.package_request import PackageRequest


class Assumption(Struct, frozen=True):
    """An Essential package that something counts on: `reason` is what and how, in a file of the package `by`."""

    name: str
    reason: str
    by: str = ""


class Request(Struct, frozen=True):
    """What to install. `exclude` names packages never taken; a dependency on one counts as met. `alone` are taken
    without what they depend on, in versions of these conditions, unless others depend on them. `below` are packages
    that are there already, and `partial` names those of them of which only a part is: it is enough for a dependency.
    `assumed` are taken too; what these need of the `essential` ones serves their scripts, unless
    they pre-depend on it. `older` is how to come by a version that the archives no longer have."""

    packages: tuple[PackageRequest, ...]
    recommends: bool = False
    exclude: frozenset[str] = frozenset()
    place: str = "the recipe"
    alone: Mapping[str, tuple[Relation, ...]] = {}
    below: tuple[Package, ...] = ()
    partial: frozenset[str] = frozenset()
    assumed: tuple[Assumption, ...] = ()
    essential: frozenset[str] = frozenset()
    older: str = ""


class Selected(Struct, frozen=True):
    """A package to install. `by` is the package whose `field` has `relation`; empty when it was asked for. One that
    is `assumed` is Essential, and there for what this says."""

    package: Package
    by: str = ""
    field: str = ""
    relation: str = ""
    assumed: str = ""

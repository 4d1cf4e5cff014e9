"""What `fetch` decided and `build` follows: the exact packages, each with its digest and its reason."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.host.storage import records
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.package_origins import reasons
from fromscratch.unsatisfied import Requirement

_KIND = "rpm-plan"


class PlannedRepository(Struct, frozen=True, kw_only=True):
    """A repository that was read: `index` is the digest of its repomd.xml, `date` in seconds since 1970.

    `trust` identifies the keys that it is trusted by; it is empty when nobody looked at signatures.
    """

    name: str
    address: str
    index: str
    key: str
    signature: str = ""
    trust: str = ""
    date: float | None = None


class PlannedPackage(Struct, frozen=True, kw_only=True):
    """One package. `by`, `field` and `relation` say which package needs it; empty when it was asked for.

    `repository` counts those of the plan, and `location` is its path there, or its whole address.
    """

    name: str
    version: str
    architecture: str
    repository: int
    location: str
    digest: str
    size: int
    by: str = ""
    field: str = ""
    relation: str = ""

    @property
    def shown(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def requirement(self) -> Requirement | None:
        """What brought it; None if the recipe asks for it."""
        return Requirement(self.by, self.field, self.relation) if self.by else None

    @property
    def file(self) -> str:
        return self.location.rpartition("/")[2]


class Plan(Struct, frozen=True, kw_only=True):
    """The packages are in the order in which they are to be installed; `present` are those that were there already."""

    repositories: list[PlannedRepository]
    packages: list[PlannedPackage]
    present: list[str] = []
    format: Literal[1] = 1

    def missing(self, store: Store) -> Iterator[PlannedPackage]:
        """The packages that the store does not have."""
        return (package for package in self.packages if not store.has(Digest.parse(package.digest)))

    def origins(self, label: str, place: str) -> dict[str, Origin]:
        """Why the files of each package are there, by its digest."""
        because = reasons({one.name: one.requirement for one in self.packages}, label, place)
        return {one.digest: Origin(label, "shipped in", one.shown, because[one.name]) for one in self.packages}


def load(store: Store, key: str) -> Plan | None:
    """The plan that was kept for these options, or None."""
    return records.load(store, _KIND, key, Plan)


def save(store: Store, key: str, plan: Plan) -> None:
    records.save(store, _KIND, key, plan)


def needed(store: Store, key: str, label: str) -> Plan:
    """The plan, whose packages are all in the store. Raises NotFetched."""
    plan = records.needed(load(store, key), label)
    for package in plan.missing(store):
        raise NotFetched(f"{label}: the store has no {package.shown}", "run fetch first")
    return plan

"""What `fetch` decided and `build` follows: the exact packages, each with its digest and its reason."""

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.host.storage import records
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.package_origins import reasons
from fromscratch.sources.contract import Pin
from fromscratch.unsatisfied import Requirement

# Counted up when the same options lead to other packages.
_KIND = "debian-plan-2"


class PlannedArchive(Struct, frozen=True, kw_only=True):
    """A suite that was read: `release` is the digest of its index, `date` and `expires` times in seconds since 1970.

    `trust` identifies the keys that it was verified with; it is empty when nobody looked at its signature.
    """

    address: str
    suite: str
    release: str
    signature: str = ""
    trust: str = ""
    expires: float | None = None
    date: float | None = None


class PlannedPackage(Struct, frozen=True, kw_only=True):
    """One .deb. `by`, `field` and `relation` say which package needs it; empty when it was asked for.

    An Essential package that is there since something counts on it is `assumed`, for this reason; of a `part` only
    what `essential.PARTS` lists is taken.
    """

    name: str
    version: str
    architecture: str
    address: str
    digest: str
    size: int
    by: str = ""
    field: str = ""
    relation: str = ""
    assumed: str = ""
    part: bool = False

    @property
    def shown(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def requirement(self) -> Requirement | None:
        """What brought it; None if the recipe asks for it."""
        return Requirement(self.by, self.field, self.relation) if self.by else None

    @property
    def file(self) -> str:
        return self.address.rpartition("/")[2]


class Plan(Struct, frozen=True, kw_only=True):
    """Sorted by package name. `below` are packages that were not taken, since the items below have them;
    `essential` are all packages that the archives call so, and `lacking` has a line for each of them that was left out
    though a script calls it. `tools` are packages that are not in the image, and that scripts need to run."""

    archives: list[PlannedArchive]
    packages: list[PlannedPackage]
    below: list[str] = []
    essential: list[str] = []
    lacking: list[str] = []
    tools: list[PlannedPackage] = []
    format: Literal[1] = 1

    def missing(self, store: Store) -> Iterator[PlannedPackage]:
        """The packages that the store does not have."""
        every = (*self.packages, *self.tools)
        return (package for package in every if not store.has(Digest.parse(package.digest)))

    def pins(self) -> list[Pin]:
        """The indexes that the packages were chosen from, and the packages."""
        indexes = [Pin(kind="index", name=one.suite, url=one.address, digest=one.release) for one in self.archives]
        return indexes + [
            Pin(kind="package", name=one.name, version=one.version, url=one.address, digest=one.digest)
            for one in (*self.packages, *self.tools)
        ]

    def origins(self, label: str, place: str, shown: Mapping[str, str]) -> dict[str, Origin]:
        """Why the files of each package are there, by its name; `shown` are other words for what was asked for."""
        assumed = {one.name: one.assumed for one in self.packages if one.assumed}
        because = reasons({one.name: one.requirement for one in self.packages}, label, place, shown, assumed)
        return {
            package.name: Origin(label, "shipped in", package.shown, because[package.name]) for package in self.packages
        }


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

"""What `fetch` decided and `build` follows: the exact packages, each with its digest and its reason."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.formats.alpine.index import Package
from fromscratch.host.storage import records
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.package_origins import reasons
from fromscratch.sources.contract import Pin
from fromscratch.unsatisfied import Requirement

_KIND = "alpine-plan"


class PlannedIndex(Struct, frozen=True, kw_only=True):
    """A repository's index that was read. `trust` identifies the keys that it was verified with, and is empty when
    nobody looked at its signature; `date` is its time in seconds since 1970."""

    address: str
    digest: str
    tag: str = ""
    trust: str = ""
    date: int = 0


class PlannedPackage(Struct, frozen=True, kw_only=True):
    """One package, of the index with this number. `address` has no secrets; `digest` is that of its file, known once
    it has been fetched; `tag` is that of its repository."""

    package: Package
    address: str
    index: int = 0
    digest: str = ""
    tag: str = ""
    needed_by: Requirement | None = None

    @property
    def shown(self) -> str:
        return str(self.package)


class Plan(Struct, frozen=True, kw_only=True):
    """The packages are in the order in which apk installs them. `keys` are the digests of the public keys by name."""

    indexes: list[PlannedIndex]
    packages: list[PlannedPackage]
    keys: dict[str, str] = {}
    format: Literal[1] = 1

    def missing(self, store: Store) -> Iterator[PlannedPackage]:
        """The packages that the store does not have."""
        return (one for one in self.packages if not one.digest or not store.has(Digest.parse(one.digest)))

    def pins(self) -> list[Pin]:
        """The indexes and the packages."""
        indexes = [Pin(kind="index", name=one.address, url=one.address, digest=one.digest) for one in self.indexes]
        packages = [
            Pin(kind="package", name=one.package.name, version=one.package.version, url=one.address, digest=one.digest)
            for one in self.packages
        ]
        return [*indexes, *packages]

    def origins(self, label: str, place: str) -> dict[str, Origin]:
        """Why the files of each package are there, by its name."""
        because = reasons({one.package.name: one.needed_by for one in self.packages}, label, place)
        return {
            one.package.name: Origin(label, "shipped in", one.shown, because[one.package.name]) for one in self.packages
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

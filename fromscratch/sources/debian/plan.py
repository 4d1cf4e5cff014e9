"""What `fetch` decided and `build` follows: the exact packages, each with its digest and its reason."""

from collections.abc import Collection, Iterator

import msgspec
from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.sources.contract import Pin

_KIND = "debian-plan"
_FORMAT = 1


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
    """One .deb. `by`, `field` and `relation` say which package needs it; empty when it was asked for."""

    name: str
    version: str
    architecture: str
    address: str
    digest: str
    size: int
    by: str = ""
    field: str = ""
    relation: str = ""

    @property
    def shown(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def file(self) -> str:
        return self.address.rpartition("/")[2]


class Plan(Struct, frozen=True, kw_only=True):
    """Sorted by package name. `below` are packages that were not taken, since the items below have them."""

    archives: list[PlannedArchive]
    packages: list[PlannedPackage]
    below: list[str] = []
    format: int = _FORMAT

    def missing(self, store: Store) -> Iterator[PlannedPackage]:
        """The packages that the store does not have."""
        return (package for package in self.packages if not store.has(Digest.parse(package.digest)))

    def pins(self) -> list[Pin]:
        """The indexes that the packages were chosen from, and the packages."""
        indexes = [Pin(kind="index", name=one.suite, url=one.address, digest=one.release) for one in self.archives]
        return indexes + [
            Pin(kind="package", name=one.name, version=one.version, url=one.address, digest=one.digest)
            for one in self.packages
        ]

    def origins(self, label: str, place: str, sliced: Collection[str] = ()) -> dict[str, Origin]:
        """Why the files of each package are there, by its name; of the `sliced` ones not all are."""
        by_name = {package.name: package for package in self.packages}
        because: dict[str, Origin] = {}

        def reason(package: PlannedPackage) -> Origin:
            way = [package]
            while way[-1].by and way[-1].name not in because:
                way.append(by_name[way[-1].by])
            for link in reversed(way):
                if link.name in because:
                    continue
                if link.by:
                    detail = f"{link.by} ({link.field}: {link.relation})"
                    because[link.name] = Origin(label, "needed by", detail, because[link.by])
                else:
                    what = f"a slice of {link.name}" if link.name in sliced else link.name
                    because[link.name] = Origin(label, "asked for", f"{what} in {place}")
            return because[package.name]

        return {package.name: Origin(label, "shipped in", package.shown, reason(package)) for package in self.packages}


def load(store: Store, key: str) -> Plan | None:
    """The plan that was kept for these options, or None."""
    raw = store.record(_KIND, key)
    if raw is None:
        return None
    try:
        plan = msgspec.json.decode(raw, type=Plan)
    except msgspec.DecodeError:
        return None  # another version of this program wrote it: as good as none
    return plan if plan.format == _FORMAT else None


def save(store: Store, key: str, plan: Plan) -> None:
    store.write_record(_KIND, key, msgspec.json.encode(plan))


def needed(store: Store, key: str, label: str) -> Plan:
    """The plan, whose packages are all in the store. Raises NotFetched."""
    plan = load(store, key)
    if plan is None:
        raise NotFetched(f"{label} has not been fetched", "run fetch first")
    for package in plan.missing(store):
        raise NotFetched(f"{label}: the store has no {package.shown}", "run fetch first")
    return plan

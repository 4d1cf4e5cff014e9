"""What `fetch` decided and `build` follows: the exact packages, each with its digest and its reason."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin

_KIND = "rpm-plan"
_FORMAT = 1


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
    def file(self) -> str:
        return self.location.rpartition("/")[2]


class Plan(Struct, frozen=True, kw_only=True):
    """The packages are in the order in which they are to be installed; `present` are those that were there already."""

    repositories: list[PlannedRepository]
    packages: list[PlannedPackage]
    present: list[str] = []
    format: int = _FORMAT

    def missing(self, store: Store) -> Iterator[PlannedPackage]:
        """The packages that the store does not have."""
        return (package for package in self.packages if not store.has(Digest.parse(package.digest)))

    def origins(self, label: str, place: str) -> dict[str, Origin]:
        """Why the files of each package are there, by its digest."""
        by_name = {package.name: package for package in self.packages}
        because: dict[str, Origin] = {}

        def reason(package: PlannedPackage) -> Origin:
            way = [package]
            while way[-1].by and way[-1].name not in because and len(way) <= len(by_name):
                way.append(by_name[way[-1].by])
            for link in reversed(way):
                if link.name in because:
                    continue
                if link.by and link.by in because:
                    detail = f"{link.by} ({link.field}: {link.relation})"
                    because[link.name] = Origin(label, "needed by", detail, because[link.by])
                else:
                    because[link.name] = Origin(label, "asked for", f"{link.name} in {place}")
            return because[package.name]

        return {one.digest: Origin(label, "shipped in", one.shown, reason(one)) for one in self.packages}


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

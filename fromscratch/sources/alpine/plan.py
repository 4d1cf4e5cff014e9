"""What `fetch` decided and `build` follows: the exact packages, each with its digest and its reason."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.formats.alpine.index import Package
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.sources.contract import Pin
from fromscratch.unsatisfied import Requirement

_KIND = "alpine-plan"
_FORMAT = 1


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
    format: int = _FORMAT

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
        needed_by = {one.package.name: one.needed_by for one in self.packages}
        because: dict[str, Origin] = {}

        def reason(name: str) -> Origin:
            way = [name]
            while way[-1] not in because and (link := needed_by.get(way[-1])) is not None and link.by not in way:
                way.append(link.by)
            for each in reversed(way):
                link = needed_by.get(each)
                if each in because:
                    continue
                if link is None or link.by not in because:
                    because[each] = Origin(label, "asked for", f"{each} in {place}")
                else:
                    detail = f"{link.by} ({link.field}: {link.relation})"
                    because[each] = Origin(label, "needed by", detail, because[link.by])
            return because[name]

        return {
            one.package.name: Origin(label, "shipped in", one.shown, reason(one.package.name)) for one in self.packages
        }


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

"""What `fetch` decided and `build` follows: the repositories, the exact packages, and their source archives."""

import hashlib
from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.host.storage import records
from fromscratch.host.storage.store import Store
from fromscratch.sources.portage.repositories import SyncedRepository

_KIND = "portage-plan"


class Distfile(Struct, frozen=True, kw_only=True):
    """A source archive as the Manifest of its package has it; `digests` by the names that Manifests use."""

    name: str
    size: int
    digests: dict[str, str]
    addresses: list[str] = []
    restricted: bool = False

    @property
    def digest(self) -> Digest | None:
        """What the store knows it by; None if the Manifest has no digest of that kind."""
        found = self.digests.get("SHA512")
        return Digest("sha512", found.lower()) if found else None


class PlannedPackage(Struct, frozen=True, kw_only=True):
    """A package in the order of merging; `sources` is the digest of its ebuild and all that this is made with.

    `asked` says that the recipe names it; `parents` are the packages that need it, at build or run time.
    """

    name: str
    version: str
    repository: str
    slot: str
    use: list[str]
    flags: list[str]
    in_target: bool
    asked: bool
    parents: list[str]
    sources: str
    distfiles: list[Distfile] = []
    binary: bool = False

    @property
    def cpv(self) -> str:
        return f"{self.name}-{self.version}"

    @property
    def shown(self) -> str:
        return f"{self.name} {self.version}"


class Plan(Struct, frozen=True, kw_only=True):
    """`provided` and `tools` are the packages that this machine counts as, in the root and for builds.

    `binaries` are the digests of the binary packages that are taken from others, by CATEGORY/PACKAGE-VERSION.
    """

    repositories: list[SyncedRepository]
    profile: str
    packages: list[PlannedPackage]
    provided: list[str]
    tools: list[str]
    notes: list[str] = []
    mirrors: list[str] = []
    binaries: dict[str, str] = {}
    format: Literal[2] = 2

    def distfiles(self) -> dict[str, Distfile]:
        """The source archives by their names."""
        return {each.name: each for package in self.packages for each in package.distfiles}

    def missing(self, store: Store) -> Iterator[Distfile]:
        """Those that the store does not have."""
        return (each for each in self.distfiles().values() if each.digest is None or not store.has(each.digest))

    def keys(self, salt: str) -> dict[str, str]:
        """A key for the binary package of each: the same for the same sources, flags and dependencies.

        `salt` is what else decides about all of them, such as the compiler.
        """
        keys: dict[str, str] = {}
        for package in self.packages:  # in the order of merging: what it is built with comes before it
            needs = sorted(keys[each.cpv] for each in self.packages if package.cpv in each.parents and each.cpv in keys)
            own = [self.binaries[package.cpv]] if package.binary else [salt, package.sources, package.use]
            facts = [package.cpv, package.repository, *own, needs]
            keys[package.cpv] = hashlib.sha256(msgspec.json.encode(facts)).hexdigest()
        return keys


class Reason(Struct, frozen=True, kw_only=True):
    """A package that is needed at run time: `by` has `relation` in its `field`; empty if it was asked for."""

    package: str
    by: str
    field: str
    relation: str


class Answer(Struct, frozen=True, kw_only=True):
    """What the program `inside.plan` writes: a plan, or what there is to choose from."""

    packages: list[PlannedPackage] = []
    mirrors: list[str] = []
    known_flags: list[str] = []
    names: list[str] = []
    sets: list[str] = []
    needs: dict[str, dict[str, list[str]]] = {}


def load(store: Store, key: str) -> Plan | None:
    """The plan that was kept for these options, or None."""
    return records.load(store, _KIND, key, Plan)


def save(store: Store, key: str, plan: Plan) -> None:
    records.save(store, _KIND, key, plan)


def needed(store: Store, key: str, label: str) -> Plan:
    """The plan, whose source archives are all in the store. Raises NotFetched."""
    plan = records.needed(load(store, key), label)
    absent = [each.name for each in plan.missing(store)]
    absent += [cpv for cpv, digest in plan.binaries.items() if not store.has(Digest.parse(digest))]
    if absent:
        raise NotFetched(f"{label}: the store has no {absent[0]}", "run fetch first")
    return plan

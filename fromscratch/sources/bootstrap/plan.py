"""What `fetch` brought and `build` works from: every file of the repositories that the tool has asked for."""

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.host.storage import records
from fromscratch.host.storage.store import Store

_KIND, _RESULT = "bootstrap-plan-1", "bootstrap-result-3"
_PACKAGES = (".deb", ".rpm", ".apk", ".pkg.tar.zst", ".pkg.tar.xz", ".pkg.tar.gz", ".pkg.tar")


class Plan(Struct, frozen=True, kw_only=True):
    """`files` has the digest of each MIRROR/PATH, sorted; `addresses` are those of the mirrors, without secrets.

    `keys` has the digests of the files with keys by their names.
    """

    files: dict[str, str]
    addresses: dict[str, str]
    keys: dict[str, str]

    def packages(self) -> dict[str, str]:
        """The files that are packages."""
        return {path: digest for path, digest in self.files.items() if path.endswith(_PACKAGES)}


class Result(Struct, frozen=True):
    """The archive of a root by its digest, and when its making began and ended, in nanoseconds since 1970."""

    digest: str
    since: int
    until: int


def load_result(store: Store, fingerprint: str) -> Result | None:
    """What was built before of the same packages, if the store still has it."""
    found = records.load(store, _RESULT, fingerprint, Result)
    return found if found is not None and store.has(Digest.parse(found.digest)) else None


def save_result(store: Store, fingerprint: str, made: Result) -> None:
    records.save(store, _RESULT, fingerprint, made)


def load(store: Store, key: str) -> Plan | None:
    """The plan that was kept for these options, or None."""
    return records.load(store, _KIND, key, Plan)


def save(store: Store, key: str, plan: Plan) -> None:
    records.save(store, _KIND, key, plan)


def needed(store: Store, key: str, label: str) -> Plan:
    """The plan, whose files may be missing in the store. Raises NotFetched."""
    return records.needed(load(store, key), label)


def check_complete(store: Store, plan: Plan, label: str) -> None:
    """Raises NotFetched for a file that the store does not have."""
    for path, digest in {**plan.files, **plan.keys}.items():
        if not store.has(Digest.parse(digest)):
            raise NotFetched(f"{label}: the store has no {path}", "run fetch first")

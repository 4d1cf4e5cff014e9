"""What `fetch` brought and `build` works from: every file of the repositories that the tool has asked for."""

import msgspec
from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import NotFetched
from fromscratch.host.storage.store import Store

_KIND, _RESULT = "bootstrap-plan-1", "bootstrap-result-2"
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
    """The archive of a root by its digest, and when its making began, in nanoseconds since 1970."""

    digest: str
    since: int


def load_result(store: Store, fingerprint: str) -> Result | None:
    """What was built before of the same packages, if the store still has it."""
    raw = store.record(_RESULT, fingerprint)
    try:
        found = msgspec.json.decode(raw, type=Result) if raw else None
    except msgspec.DecodeError:
        return None
    return found if found is not None and store.has(Digest.parse(found.digest)) else None


def save_result(store: Store, fingerprint: str, made: Result) -> None:
    store.write_record(_RESULT, fingerprint, msgspec.json.encode(made))


def load(store: Store, key: str) -> Plan | None:
    raw = store.record(_KIND, key)
    try:
        return msgspec.json.decode(raw, type=Plan) if raw else None
    except msgspec.DecodeError:
        return None  # another version of this program wrote it: as good as none


def save(store: Store, key: str, plan: Plan) -> None:
    store.write_record(_KIND, key, msgspec.json.encode(plan))


def needed(store: Store, key: str, label: str) -> Plan:
    """Raises NotFetched."""
    plan = load(store, key)
    if plan is None:
        raise NotFetched(f"{label} has not been fetched", "run fetch first")
    return plan


def check_complete(store: Store, plan: Plan, label: str) -> None:
    """Raises NotFetched for a file that the store does not have."""
    for path, digest in {**plan.files, **plan.keys}.items():
        if not store.has(Digest.parse(digest)):
            raise NotFetched(f"{label}: the store has no {path}", "run fetch first")

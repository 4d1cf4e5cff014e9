"""Repositories of a registry that are known to have a blob, recorded in the store: it can be mounted from there.

A record may be out of date: if the registry does not find the blob there, it is uploaded.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress

from fromscratch.digest import Digest
from fromscratch.host.registry.address import Place
from fromscratch.host.storage.store import Store

_KIND = "registry-blobs"
_MAX_NAMES = 3


def known(store: Store, place: Place, digests: Iterable[Digest]) -> Mapping[Digest, tuple[str, ...]]:
    """Other repositories of the same registry that had these blobs, the latest first."""
    found = {}
    for digest in digests:
        names = [name for name in _read(store, place, digest) if name != place.repository]
        if names:
            found[digest] = tuple(names)
    return found


def remember(store: Store, place: Place, digests: Iterable[Digest]) -> None:
    """Record that the repository has these blobs."""
    for digest in digests:
        names = _read(store, place, digest)
        if names[:1] != [place.repository]:
            updated = [place.repository, *(name for name in names if name != place.repository)][:_MAX_NAMES]
            store.write_record(_KIND, f"{place.registry} {digest}", json.dumps(updated).encode(), durable=False)


def _read(store: Store, place: Place, digest: Digest) -> list[str]:
    with suppress(ValueError):
        names = json.loads(store.record(_KIND, f"{place.registry} {digest}") or b"[]")
        if isinstance(names, list):
            return [name for name in names if isinstance(name, str)]
    return []

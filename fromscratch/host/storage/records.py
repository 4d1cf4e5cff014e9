"""Records of the store that hold a struct as JSON, such as the plan that `fetch` makes and `build` follows.

A struct that changes its meaning without changing its fields has a field `format: Literal[N] = N`, counted up then.
"""

from typing import TypeVar

import msgspec
from msgspec import Struct

from fromscratch.errors import NotFetched
from fromscratch.host.storage.store import Store

Record = TypeVar("Record", bound=Struct)


def load(store: Store, kind: str, key: str, struct: type[Record]) -> Record | None:
    """The record of this key; None if there is none, or another version of this program wrote it."""
    raw = store.record(kind, key)
    try:
        return msgspec.json.decode(raw, type=struct) if raw else None
    except msgspec.DecodeError:
        return None


def save(store: Store, kind: str, key: str, record: Struct) -> None:
    """Write the record of this key."""
    store.write_record(kind, key, msgspec.json.encode(record))


def needed(found: Record | None, label: str) -> Record:
    """What was found, which only `fetch` can bring. Raises NotFetched, naming `label`, if it is None."""
    if found is None:
        raise NotFetched(f"{label} has not been fetched", "run fetch first")
    return found

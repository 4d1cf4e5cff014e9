"""Records of the store that hold a struct as JSON, such as the plan that `fetch` makes and `build` follows.

A struct that changes its meaning without changing its fields has a field `format: Literal[N] = N`, counted up then.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from msgspec import Struct

from fromscratch.advice import advice
from fromscratch.errors import DownloadError, ImageError, NotFetched
from fromscratch.host.storage.store import Store

Record = TypeVar("Record", bound=Struct)

_OFFLINE = "`build` works with what was fetched before, without the network; otherwise: "


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


@contextmanager
def offline_hint(can_build: Callable[[], bool], errors: type[ImageError] = DownloadError) -> Iterator[None]:
    """Errors of a fetch inside it say in their hints that a build works without the network, if it does."""
    try:
        yield
    except errors as error:
        if can_build():
            error.hint = advice(_OFFLINE, error.hint)
        raise

"""What every source is: something that brings the entries of a tree."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from fromscratch.host.storage.own_folders import NONE, OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import SILENT, Progress


class Context(Struct, frozen=True, kw_only=True):
    """What surrounds a source: everything it may depend on besides its options and the store.

    `folder` is where relative paths of the recipe start; `place` names the item in messages and
    origins, such as `rootfs[0]`; `jobs` bounds what runs side by side; `log` is where the full
    output of programs is kept; `own` are folders that no source may take files from.
    """

    folder: Path
    place: str
    platform: Platform
    progress: Progress = SILENT
    jobs: int = 2
    log: Path | None = None
    own: OwnFolders = NONE


class Source(Protocol):
    """One item under `rootfs:` of a recipe, bound to its context."""

    label: str
    """What origins and messages call it: its kind and what it names, such as `debian bookworm`."""

    def fetch(self, store: Store) -> None:
        """Bring everything that `build` will need into the store. The only method that may use the network."""

    def fingerprint(self, store: Store) -> str:
        """A text that changes whenever `build` could give another tree; cheap.

        Raises NotFetched when `fetch` has to run first.
        """

    def build(self, store: Store) -> Rootfs:
        """The tree. Uses only the store, this machine's files that the options name, and no network.

        Raises NotFetched when `fetch` has to run first.
        """


@runtime_checkable
class Completing(Source, Protocol):
    """A source whose tree depends on what is below it, such as programs that use the libraries that are there."""

    def completed(self, below: Rootfs, *, replace: bool) -> Rootfs:
        """`below` with what this source brings; `replace` as for `Rootfs.merged`. `build` is this on nothing."""


@runtime_checkable
class Based(Source, Protocol):
    """A source that takes its tree from an image, by the name and digest that it was read under."""

    base: Reference

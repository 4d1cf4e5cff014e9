"""Where the programs that a script calls come from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from fromscratch.host.storage.store import Store
from fromscratch.sources.contract import Pin


class System(Struct, frozen=True, kw_only=True):
    """The programs of one build: a folder that has their root (none: this machine's), with its variables.

    `folders` are further ones of this machine, by their path inside.
    """

    folder: Path | None = None
    env: Mapping[str, str] = {}
    folders: Mapping[str, Path] = {}


class Tools(Protocol):
    """One way to have programs."""

    def fetch(self, store: Store) -> None:
        """Bring them, the only method that may use the network. Raises MissingTool, naming all that are not there."""

    def identity(self, store: Store) -> str:
        """A text that changes whenever the programs do. Raises as `fetch`, and NotFetched."""

    def pins(self, store: Store) -> Sequence[Pin]:
        """What fetch has settled."""

    def system(self, place: Path, store: Store) -> System:
        """The programs for one build, whose private folder is `place`."""

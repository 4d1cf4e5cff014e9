"""How registries may be reached from here: what the call says, and what the environment does."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fromscratch.host.http.request import PATIENCE, Patience


@dataclass(frozen=True, kw_only=True)
class Access:
    """`ca` is a PEM file of authorities that are trusted besides the usual ones.

    Blobs larger than `chunk_size` bytes are sent in pieces of that size; 0: in one piece as long as that works.
    """

    plain_http: bool = False
    ca: Path | None = None
    chunk_size: int = 0
    jobs: int = 4
    patience: Patience = PATIENCE
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @property
    def home(self) -> Path:
        return Path(self.environment.get("HOME") or Path.home())

    @property
    def configuration(self) -> Path:
        """Where programs keep what a user has told them."""
        return Path(self.environment.get("XDG_CONFIG_HOME") or self.home / ".config")

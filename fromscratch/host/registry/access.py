"""Settings for the access to registries, from the call and from the environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import field

from fromscratch.host.http.request import PATIENCE, Patience
from fromscratch.record import PartlyShown


class Access(PartlyShown, frozen=True, kw_only=True):
    """How to reach registries. `ca` is a PEM file of authorities to trust besides the usual ones.

    Blobs larger than `chunk_size` bytes are sent in pieces of that size; 0: in one piece as long as that works.
    """

    unshown = ("environment",)

    plain_http: bool = False
    ca: Path | None = None
    chunk_size: int = 0
    jobs: int = 4
    patience: Patience = PATIENCE
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def home(self) -> Path:
        return Path(self.environment.get("HOME") or Path.home())

    @property
    def configuration(self) -> Path:
        """The folder of the user's configuration files."""
        return Path(self.environment.get("XDG_CONFIG_HOME") or self.home / ".config")

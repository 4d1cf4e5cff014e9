"""An image that is known by its name only, for those below the transports, who can read it."""

from pathlib import Path
from typing import Protocol

from fromscratch.host.storage.store import Store
from fromscratch.limits import Limits
from fromscratch.model.image import Image, Platform
from fromscratch.model.reference import Reference
from fromscratch.progress import Progress


class NamedImage(Protocol):
    """An image by the name that a recipe has for it. `name` has its scheme; nothing is read yet.

    `path` is the file or folder of this machine that holds it; None for one of a registry or an engine, which may be
    another tomorrow. `reference` is its name in a registry or an engine.
    """

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path | None: ...

    @property
    def reference(self) -> Reference | None: ...

    def read(self, platform: Platform, store: Store, progress: Progress, limits: Limits) -> Image:
        """The image for this platform. Raises UsageError if it has none, and ImageError."""

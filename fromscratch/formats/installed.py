"""The packages that are installed in a root, as the databases of package managers record them."""

from typing import Literal

from msgspec import Struct

Manager = Literal["dpkg", "apk", "rpm", "portage"]


class Package(Struct, frozen=True, order=True):
    """An installed package; `version` is the whole version as its manager compares it, with epoch and release."""

    manager: Manager
    name: str
    version: str
    architecture: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Installed(Struct, frozen=True):
    """A package and its files, folders and links, by the absolute paths that its record has."""

    package: Package
    files: tuple[str, ...] = ()

"""The packages that are installed in a root, as the databases of package managers record them."""

from typing import Literal

from msgspec import Struct

Manager = Literal["dpkg", "apk", "rpm", "portage", "pacman"]


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


def control_key(package: Package) -> str:
    """What the fields of a package are found by in `Records.controls`."""
    return f"{package.manager} {package.name}"


class Records(Struct, frozen=True):
    """The packages that the databases of a tree list.

    `controls` are the fields of those of dpkg and apk, as their databases write them, by `control_key`. `slices` are
    the names of the slices of those packages that are there in part only. `notes` say which databases are not read.
    """

    installed: tuple[Installed, ...] = ()
    controls: dict[str, bytes] = {}
    slices: dict[str, list[str]] = {}
    notes: tuple[str, ...] = ()

    def control(self, package: Package) -> bytes:
        """The fields of a package, as far as its database has them."""
        return self.controls.get(control_key(package), b"")

    def of(self, manager: Manager) -> list[Package]:
        """The packages that one package manager knows."""
        return [each.package for each in self.installed if each.package.manager == manager]


NOTHING = Records()
"""The records of a tree without any."""

"""What a root's package manager knows: which package owns a file, which packages belong to it, and what they have."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Protocol

from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.package_database.apk import Apk
from fromscratch.linker.beyond.package_database.dpkg import Dpkg
from fromscratch.linker.beyond.package_database.merged_usr import to_places
from fromscratch.linker.beyond.package_database.related import Related
from fromscratch.model import view as views
from fromscratch.paths import TreePath

COMMANDS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/games")


class Manager(Protocol):
    """The database of one package manager in a root."""

    @property
    def tells_relations(self) -> bool:
        """Whether it says which packages belong together, and not only which files each has."""

    def owners(self, places: Iterable[TreePath]) -> dict[TreePath, str]:
        """The package of each place that one owns; a place has /usr merged where it is merged."""

    def related(self, package: str) -> Related:
        """The packages that belong to this one, as far as they are installed."""

    def is_everywhere(self, package: str) -> bool:
        """Whether every system of this kind has it, so that a need for it is not worth mentioning."""

    def listed(self, package: str) -> Sequence[str]:
        """The paths that a package installed, folders too, as it spells them."""


class Packages:
    """The packages of a root, each question answered once: the same object for all finders of one gathering."""

    @classmethod
    def of(cls, scene: Scene) -> "Packages":
        return scene.once("packages", lambda: cls(scene))

    def __init__(self, scene: Scene) -> None:
        self._manager, self._to_place = _manager(scene), to_places(scene)
        self._owners: dict[TreePath, str | None] = {}
        self._related: dict[str, Related] = {}
        self._files: dict[str, list[str]] = {}

    @property
    def known(self) -> bool:
        """Whether the root has a database that says which packages belong together."""
        return self._manager is not None and self._manager.tells_relations

    def owners(self, places: Iterable[TreePath]) -> dict[TreePath, str]:
        left = [place for place in places if place not in self._owners]
        if left and self._manager is not None:
            found = self._manager.owners(left)
            self._owners.update({place: found.get(place) for place in left})
        return {place: owner for place in places if (owner := self._owners.get(place)) is not None}

    def related(self, package: str) -> Related:
        if package not in self._related and self._manager is not None:
            self._related[package] = self._manager.related(package)
        return self._related[package]

    def programs(self, package: str) -> list[str]:
        """The paths that a package has in folders of commands; none of a package that every system has."""
        if self.is_everywhere(package):
            return []
        return [path for folder in COMMANDS for path in self.below(package, folder) if path != folder]

    def is_everywhere(self, package: str) -> bool:
        return self._manager is None or self._manager.is_everywhere(package)

    def listed(self, package: str) -> Sequence[str]:
        """The paths that a package installed, folders too, as it spells them."""
        return self._manager.listed(package) if self._manager is not None else ()

    def files(self, package: str) -> list[str]:
        """The same as places, with /usr merged where it is merged, sorted."""
        if package not in self._files:
            self._files[package] = sorted(map(self._to_place, self.listed(package)))
        return self._files[package]

    def below(self, package: str, folder: str) -> list[str]:
        """The paths of a package below a folder, and that of the folder itself if the package has it."""
        files = self.files(package)
        start = bisect_left(files, f"{folder}/")
        end = bisect_left(files, f"{folder}0")  # the character after the slash
        at = bisect_left(files, folder)
        own = files[at : at + 1] if files[at : at + 1] == [folder] else []
        return [*own, *files[start:end]]


def _manager(scene: Scene) -> Manager | None:
    if any(views.place(scene.view, path) is not None for path in Dpkg.PLACES):
        return Dpkg(scene)
    if any(views.place(scene.view, path) is not None for path in Apk.PLACES):
        return Apk(scene)
    return None

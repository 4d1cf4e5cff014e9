"""Which installed package owns a file of a tree, and the records of packages cut to the files that remain.

A package manager's database has the paths as packages ship them: where /bin is a link to /usr/bin, its /bin/sh is the
tree's /usr/bin/sh. Images of this program's own builds have their packages in the reasons of entries too.
"""

from collections.abc import Callable, Iterable, Sequence

from fromscratch import paths
from fromscratch.errors import ImageError
from fromscratch.formats.databases.catalogue import databases
from fromscratch.formats.databases.contract import Database
from fromscratch.formats.databases.places import Places
from fromscratch.formats.installed import Installed, Package
from fromscratch.model.entry import Directory, Entry, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

Origins = Callable[[TreePath], Sequence[Origin]]


class PackageRecords:
    """The packages of a tree. `notes` say which databases are there but not read."""

    def __init__(self, tree: Rootfs, databases: Sequence[Database], origins: Origins) -> None:
        self._tree, self._databases, self._origins = tree, databases, origins
        self._places = Places(tree)
        self._files: dict[Package, tuple[TreePath, ...]] = {}
        self._owners: dict[TreePath, Package] = {}
        for one in (each for database in databases for each in database.installed):
            self._add(one)
        self._folders = self._sole_owners()
        self._by_name = {package.name: package for package in reversed(self.packages)}
        self.notes: tuple[str, ...] = tuple(note for database in databases for note in database.notes)

    @property
    def packages(self) -> tuple[Package, ...]:
        """Every package that a database lists, in its order."""
        return tuple(self._files)

    def files(self, package: Package) -> tuple[TreePath, ...]:
        """What of a package is in the tree, in the tree's order: folders too, which other packages can share."""
        return self._files.get(package, ())

    def owner(self, path: TreePath) -> Package | None:
        """The package that brought what stands at exactly this path; for a folder, the only one that lists it."""
        entry = self._tree.get(path)
        found = self._folders.get(path) if isinstance(entry, Directory) else self._owners.get(path)
        found = found or self._by_origin(path)
        if found is None and isinstance(entry, Symlink):
            return self._owner_beside(path, entry)
        return found

    def is_made(self, path: TreePath) -> bool:
        """Whether a build made it in place of a package's scripts, by the reasons for it, and so makes it again."""
        return any(origin.reason == "made by" for origin in self._origins(path))

    def cut(self, remaining: Iterable[TreePath]) -> dict[TreePath, Entry]:
        """The files of the databases for the packages that have a file among these paths, to be put over them.

        The folders above them are among the entries. A package of which only folders remain is not.
        """
        paths_left = set(remaining)
        owners = {self.owner(path) for path in paths_left if not self._is_folder(path)}
        packages = {owner for owner in owners if owner in self._files}
        paths_left |= {above for path in paths_left for above in paths.ancestors(path)}

        def remains(spelled: str) -> bool:
            place = self._places.of(spelled)
            return place in paths_left or (place is not None and self._folder_behind(place) in paths_left)

        made: dict[TreePath, Entry] = {}
        for database in self._databases:
            made |= database.cut(packages, remains)
        above = {folder for path in made for folder in paths.ancestors(path)}
        return {folder: self._tree[folder] for folder in sorted(above)} | made

    def _add(self, one: Installed) -> None:
        places = {place for place in map(self._places.of, one.files) if place is not None and place in self._tree}
        present = tuple(sorted(places, key=paths.sort_key))
        self._files[one.package] = tuple(dict.fromkeys((*self._files.get(one.package, ()), *present)))
        for path in present:
            self._owners.setdefault(path, one.package)

    def _sole_owners(self) -> dict[TreePath, Package]:
        shared: set[TreePath] = set()
        found: dict[TreePath, Package] = {}
        for package, files in self._files.items():
            for path in filter(self._is_folder, files):
                if found.setdefault(path, package) != package:
                    shared.add(path)
        return {path: package for path, package in found.items() if path not in shared}

    def _is_folder(self, path: TreePath) -> bool:
        return isinstance(self._tree.get(path), Directory)

    def _folder_behind(self, path: TreePath) -> TreePath | None:
        """The folder that a link leads to: what a database lists below the link is below that."""
        if not isinstance(self._tree.get(path), Symlink):
            return None
        try:
            place = self._tree.resolve(path)
        except ImageError:
            return None
        return place if self._is_folder(place) else None

    def _owner_beside(self, path: TreePath, link: Symlink) -> Package | None:
        """Lists of checksums leave out links, and ldconfig makes some: one to a neighbour belongs to its package."""
        if "/" in link.target or link.target in (".", ".."):
            return None
        try:
            place = self._tree.resolve(path)
        except ImageError:
            return None
        return self._owners.get(place) if paths.parent(place) == paths.parent(path) else None

    def _by_origin(self, path: TreePath) -> Package | None:
        for origin in self._origins(path):
            # The files of an archive are "shipped in" it too, but nothing asked for that as for a package.
            if origin.reason == "shipped in" and origin.because is not None:
                name, _, version = origin.detail.partition(" ")
                return self._by_name.get(name) or Package("dpkg", name, version)
        return None


def packages(tree: Rootfs, origins: Origins | None = None) -> PackageRecords:
    """The packages that the databases of a tree list; `origins` are reasons that are kept outside its entries."""
    return PackageRecords(tree, list(databases(tree)), origins or (lambda path: _own_origins(tree, path)))


def _own_origins(tree: Rootfs, path: TreePath) -> Sequence[Origin]:
    entry = tree.get(path)
    return entry.origins if entry is not None else ()

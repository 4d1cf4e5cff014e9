"""The files of packages laid together as rpm installs them, in its order of installation."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, ImageError, NotInTree
from fromscratch.formats.rpm.payload import Packaged
from fromscratch.model.content import read
from fromscratch.model.entry import Directory, Entry, File, HardLink, Symlink, also_from, is_implied
from fromscratch.model.merge import equal_but_for_time
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.transforms.laying import Laying

_ELF = b"\x7fELF"


class Unpacked(Struct, frozen=True):
    """A package's entries with their owners; `is_main` unless it is of another architecture than the image."""

    shown: str
    entries: Sequence[Packaged]
    is_main: bool = True


def laid_together(packages: Sequence[Unpacked]) -> Rootfs:
    """One tree of all packages.

    A directory has the mode and owner that the last package gives it. A file in two packages is a conflict, unless it
    is the same, or a library of two architectures. Raises Conflict, naming every path and both packages.
    """
    laying = _Laying({one.shown: one for one in packages})
    above = {paths.parent(entry.path) for one in packages for entry in one.entries}
    above |= {ancestor for path in above for ancestor in paths.ancestors(path)}
    for package in packages:
        # What is unpacked through a link needs it to be there: /bin may be a link to usr/bin in a later package.
        laying.lay(package, [one for one in package.entries if isinstance(one.entry, Symlink) and one.path in above])
    for package in packages:
        laying.lay(package, package.entries)
    return laying.whole()


class _Laying(Laying[Unpacked]):
    """By rpm's rules, whose packages ship less than a tree: parents may be missing."""

    def lay(self, package: Unpacked, entries: Sequence[Packaged]) -> None:
        own = {one.path: one.entry for one in package.entries}
        for one in entries:
            entry = one.entry
            try:
                present = self.builder.get(one.path)
                settled = entry if present is None else self.settle(one.path, entry, present, package)
                if settled is None:
                    continue
                if isinstance(settled, HardLink) and not isinstance(self.builder.get(settled.target), File | HardLink):
                    settled = replace(own[settled.target], origins=entry.origins)
                self.builder.put(one.path, settled)
            except (NotInTree, Conflict) as error:
                self.conflicts.append(f"{one.path} of {package.shown}: {error.message}")
            except ImageError as error:
                raise type(error)(f"{package.shown}: {one.path}: {error.message}", error.hint) from error

    def settle(self, path: TreePath, entry: Entry, present: Entry, package: Unpacked) -> Entry | None:
        if isinstance(entry, Directory) and isinstance(present, Directory):
            return entry if is_implied(present) else replace(entry, origins=also_from(present, entry).origins)
        if isinstance(entry, Directory) and self._leads_to_directory(path, present):
            return None
        if isinstance(entry, HardLink) and self._is_same(entry, present, package):
            return None
        if equal_but_for_time(entry, present):
            return also_from(present, entry)
        other = self.owner(present)
        if other is not None and other.is_main != package.is_main and _are_programs(entry, present):
            return entry if package.is_main else None
        self.disagree(path, entry, present, package)
        return None

    def _is_same(self, entry: HardLink, present: Entry, package: Unpacked) -> bool:
        """Whether a hard link is to a file with the bytes of the one that is there."""
        whole = next((one.entry for one in package.entries if one.path == entry.target), None)
        there = self.builder.at(present.target) if isinstance(present, HardLink) else present
        return whole is not None and there is not None and equal_but_for_time(whole, there)

    def _leads_to_directory(self, path: TreePath, present: Entry) -> bool:
        if not isinstance(present, Symlink):
            return False
        place = self.builder.resolve(path)
        return place is None or isinstance(self.builder.at(place), Directory)


def _are_programs(entry: Entry, present: Entry) -> bool:
    """Whether both are ELF files, of which rpm takes that of the main architecture."""
    return all(isinstance(one, File) and read(one.content)[:4] == _ELF for one in (entry, present))

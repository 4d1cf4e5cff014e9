"""The slices of chisel that an item names: what they take of packages, what they make, and the manifest of it all."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from fromscratch.formats.debian import chisel_manifest
from fromscratch.formats.debian.chisel import ChosenSlice
from fromscratch.formats.debian.chisel_manifest import ManifestPackage, ManifestPath
from fromscratch.host.chisel_release import ChiselRelease
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.planning.plan import PlannedPackage
from fromscratch.transforms import chiselling
from fromscratch.transforms.chiselling import Chiselled

_PIECE = 1 << 20


class ChiselSlices(Struct, frozen=True):
    """The slices, with those that they need, on one architecture."""

    slices: tuple[ChosenSlice, ...]

    @classmethod
    def of(cls, folder: Path, options: DebianOptions, architecture: str) -> "ChiselSlices":
        """Those that an item names. Raises RecipeError."""
        release = ChiselRelease(folder / options.chisel)
        return cls(tuple(chiselling.preferred(release.choose(options.chisel_slices, architecture))))

    @property
    def packages(self) -> list[str]:
        return list(dict.fromkeys(one.package for one in self.slices))

    def digest_text(self) -> str:
        """A text that changes with what the slices say."""
        return msgspec.json.encode(self.slices).decode() if self.slices else ""

    def cut(self, package: str, tree: Rootfs, place: str) -> Chiselled:
        """What slices of a package take of its tree. Raises NotInTree."""
        return chiselling.chiselled(tree, [one for one in self.slices if one.package == package], place)

    def completed(
        self, tree: Rootfs, cut: Mapping[str, Chiselled], packages: Sequence[PlannedPackage], label: str
    ) -> Rootfs:
        """The tree of packages that were cut, with what the slices make; and a manifest, if one of them asks for it."""
        slices = [one for one in self.slices if one.package in cut]
        made = chiselling.made(slices, label)
        tree = tree.merged(made.tree, replace=True, directories="keep")
        parts = [*cut.values(), made]
        for one in slices:
            for path, of in one.contents.items():
                if of.generate:
                    folder = TreePath(path.rstrip("*").rstrip("/"))
                    tree = _with_manifest(
                        tree, TreePath(f"{folder}/manifest.wall"), one, slices, parts, packages, label
                    )
        return tree


def _with_manifest(
    tree: Rootfs,
    place: TreePath,
    by: ChosenSlice,
    slices: Sequence[ChosenSlice],
    parts: Iterable[Chiselled],
    packages: Sequence[PlannedPackage],
    label: str,
) -> Rootfs:
    listed: dict[TreePath, list[str]] = {place: [by.key]}
    for part in parts:
        for path, names in part.slices.items():
            listed[path] = sorted({*listed.get(path, ()), *names})
    origin = Origin(label, "made by", f"the slice {by.key}")
    empty = tree.merged(Rootfs({place: File(Meta(0o644), Inline(b""), (origin,))}), directories="keep")
    raw = chisel_manifest.written(
        [_package(one) for one in packages if one.name in {each.package for each in slices}],
        [_path(path, empty.inode(path), names, is_manifest=path == place) for path, names in listed.items()],
        [one.key for one in slices],
    )
    return tree.merged(Rootfs({place: File(Meta(0o644), Inline(raw), (origin,))}), directories="keep")


def _package(one: PlannedPackage) -> ManifestPackage:
    return ManifestPackage(
        name=one.name, version=one.version, sha256=one.digest.rpartition(":")[2], arch=one.architecture
    )


def _path(path: TreePath, entry: Entry, slices: list[str], *, is_manifest: bool) -> ManifestPath:
    mode = f"0{entry.meta.mode:o}"
    if isinstance(entry, Directory):
        return ManifestPath(path=f"{path}/", mode=mode, slices=slices)
    if isinstance(entry, Symlink):
        return ManifestPath(path=path, mode=mode, slices=slices, link=entry.target)
    if is_manifest or not isinstance(entry, File):  # whose own digest no file can hold
        return ManifestPath(path=path, mode=mode, slices=slices)
    return ManifestPath(path=path, mode=mode, slices=slices, sha256=_digest(entry), size=entry.content.size)


def _digest(entry: File) -> str:
    found = hashlib.sha256()
    with entry.content.open() as stream:
        while piece := stream.read(_PIECE):
            found.update(piece)
    return found.hexdigest()

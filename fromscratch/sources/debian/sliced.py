"""The slices that an item names: read with those that they need, and what they mean for packages and trees."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.errors import FormatError, RecipeError, UsageError
from fromscratch.formats.debian.installed import cut_sums
from fromscratch.formats.debian.version import Relation, parse_relation
from fromscratch.formats.slice import Slice
from fromscratch.host.slices import Slices, read_slices
from fromscratch.model.entry import Entry
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.debian.package_request import parse_package_request
from fromscratch.transforms.slicing import sliced


def checked_slices(folder: Path, names: Sequence[str], architecture: str) -> Slices:
    """The slices that an item names. Raises RecipeError for what is not a slice of a package of Debian."""
    found = read_slices(folder, names, "dpkg", architecture)
    for path, one in found.by_file.items():
        try:
            parse_package_request(one.package)
        except UsageError as error:
            raise RecipeError(f"{path}: package: {error.message}", error.hint) from error
        conditions(one, str(path))
    return found


def versions(found: Slices) -> dict[str, tuple[Relation, ...]]:
    """The conditions on the version of each package. Raises RecipeError for what is not one."""
    known: dict[str, tuple[Relation, ...]] = {}
    for path, one in found.by_file.items():
        known[one.package] = (*known.get(one.package, ()), *conditions(one, str(path)))
    return known


def conditions(one: Slice, name: str) -> tuple[Relation, ...]:
    """What `versions` of a slice asks for. Raises RecipeError."""
    try:
        return tuple(
            parse_relation(f"{one.package} ({part.strip()})") for part in one.versions.split(",") if part.strip()
        )
    except FormatError as error:
        hint = 'write it like  versions: ">= 1.22.1-9, << 1.23~"'
        raise RecipeError(f"{name}: versions: {one.versions!r} is not a range of versions", hint) from error


def cut_tree(tree: Rootfs, shipped: Mapping[str, str], files: Mapping[str, Sequence[str]], place: str) -> Rootfs:
    """The tree with what slices list of these packages; `shipped` are their names by what origins call them."""
    packages = {path: _packages_of(entry, shipped) for path, entry in tree.items()}
    return sliced(tree, {path: names for path, names in packages.items() if names}, files, place)


def cut_record(sums: bytes, tree: Rootfs) -> bytes:
    """The checksums of a package for the files that are left of it."""
    return cut_sums(sums, lambda path: tree.find(path, follow_last=False) is not None)


def shipped_in(tree: Rootfs) -> frozenset[TreePath]:
    """The paths that packages of a tree ship."""
    return frozenset(
        path for path, entry in tree.items() if any(origin.reason == "shipped in" for origin in entry.origins)
    )


def _packages_of(entry: Entry, shipped: Mapping[str, str]) -> list[str]:
    return [
        shipped[origin.detail] for origin in entry.origins if origin.reason == "shipped in" and origin.detail in shipped
    ]

"""The slices that an item names: read with those that they need, and what they mean for packages and trees."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch import regular_file
from fromscratch.errors import FormatError, RecipeError, UsageError
from fromscratch.formats import slice as slices
from fromscratch.formats.debian.installed import cut_sums
from fromscratch.formats.debian.version import Relation, parse_relation
from fromscratch.formats.slice import Slice
from fromscratch.model.entry import Entry
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.debian.package_request import parse_package_request
from fromscratch.transforms.slicing import sliced

_SUFFIXES = (".yaml", ".yml")
_MOST = 10_000


class Slices(Struct, frozen=True):
    """Every slice by its file. A package can have several, of which all files are taken."""

    by_file: Mapping[Path, Slice]

    def files(self) -> dict[str, list[str]]:
        """The entries for each package, by its name."""
        found: dict[str, list[str]] = {}
        for one in self.by_file.values():
            found.setdefault(one.package, []).extend(one.files)
        return found

    def versions(self) -> dict[str, tuple[Relation, ...]]:
        """The conditions on the version of each package. Raises RecipeError for what is not one."""
        found: dict[str, tuple[Relation, ...]] = {}
        for path, one in self.by_file.items():
            found[one.package] = (*found.get(one.package, ()), *conditions(one, str(path)))
        return found

    def digest_text(self) -> str:
        """A text that changes with what the slices say."""
        return "".join(slices.written(one) for one in self.by_file.values())


def read_slices(folder: Path, names: Sequence[str], architecture: str) -> Slices:
    """The slices of these files, and of all files in these folders, with those that they need.

    Raises RecipeError for a file that is not there, is not a slice, or is of packages of another kind.
    """
    pending = [(folder / name, "") for name in reversed(names)]
    found: dict[Path, Slice] = {}
    while pending:
        path, by = pending.pop()
        if path.is_dir():
            pending += [(each, by) for each in sorted(path.iterdir(), reverse=True) if each.suffix in _SUFFIXES]
            continue
        place = path.resolve()
        if place in found:
            continue
        one = _read(path, by)
        _check(one, path, architecture)
        found[place] = one
        if len(found) > _MOST:
            raise RecipeError(f"{path}: these are more than {_MOST} slices", "name those that are meant")
        pending += [(path.parent / need, str(path)) for need in reversed(one.needs)]
    return Slices(found)


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


def _read(path: Path, by: str) -> Slice:
    needed = f", which {by} needs" if by else ""
    try:
        return slices.read(regular_file.read_text(path), str(path))
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: this is not UTF-8 text", "save the slice as UTF-8") from error
    except OSError as error:
        raise RecipeError(
            f"cannot read the slice {path}{needed}: {error.strerror}",
            "slices: are relative to the recipe, needs: to the slice",
        ) from error


def _check(one: Slice, path: Path, architecture: str) -> None:
    if one.manager != "dpkg":
        raise RecipeError(
            f"{path}: this is a slice of a package of {one.manager}", "packages of Debian are those of dpkg"
        )
    if one.architecture not in ("", "all", architecture):
        raise RecipeError(
            f"{path}: this slice is for {one.architecture}, and the image for {architecture}",
            "write a slice from an image of that platform; without architecture:, a slice is for all",
        )
    try:
        parse_package_request(one.package)
    except UsageError as error:
        raise RecipeError(f"{path}: package: {error.message}", error.hint) from error
    conditions(one, str(path))

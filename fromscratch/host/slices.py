"""Slices on this machine's disk: the files that an item names, with those that they need."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch import regular_file
from fromscratch.errors import RecipeError
from fromscratch.formats import slice as slices
from fromscratch.formats.installed import Manager
from fromscratch.formats.slice import Slice
from fromscratch.host.storage import disk

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

    def digest_text(self) -> str:
        """A text that changes with what the slices say."""
        return "".join(slices.written(one) for one in self.by_file.values())


def read_slice(path: Path, by: str = "") -> Slice:
    """The slice in a file, which the slice `by` needs. Raises RecipeError."""
    needed = f", which {by} needs" if by else ""
    try:
        return slices.read(regular_file.read_text(path), str(path))
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: this is not UTF-8 text", "save the slice as UTF-8") from error
    except OSError as error:
        raise RecipeError(
            f"cannot read the slice {path}{needed}: {error.strerror}",
            "a slice is named relative to the recipe, and one that another needs relative to that",
        ) from error


def slice_files(places: Sequence[Path]) -> list[Path]:
    """These files, and all files of slices in these folders. Raises RecipeError for a folder without one."""
    found: list[Path] = []
    for place in places:
        inside = _inside(place) if place.is_dir() else [place]
        if not inside:
            raise RecipeError(f"{place} holds no slice", f"a slice is a file that ends in {' or '.join(_SUFFIXES)}")
        found += inside
    return found


def _inside(folder: Path) -> list[Path]:
    with disk.readable(folder):
        return sorted(each for each in folder.iterdir() if each.suffix in _SUFFIXES)


def read_slices(folder: Path, names: Sequence[str], manager: Manager, architecture: str) -> Slices:
    """The slices of these files, and of all files in these folders, with those that they need.

    Raises RecipeError for a file that is not there or is not a slice, and for a slice of a package of another manager
    or architecture, as that manager calls it.
    """
    pending = [(path, "") for path in reversed(slice_files([folder / name for name in names]))]
    found: dict[Path, Slice] = {}
    while pending:
        path, by = pending.pop()
        place = path.resolve()
        if place in found:
            continue
        one = found[place] = read_slice(path, by)
        _check(one, path, manager, architecture)
        if len(found) > _MOST:
            raise RecipeError(f"{path}: these are more than {_MOST} slices", "name those that are meant")
        pending += [(path.parent / need, str(path)) for need in reversed(one.needs)]
    return Slices(found)


def _check(one: Slice, path: Path, manager: Manager, architecture: str) -> None:
    if one.manager != manager:
        raise RecipeError(
            f"{path}: this is a slice of a package of {one.manager}", f"take one of a package of {manager} here"
        )
    if one.architecture not in ("", "all", "noarch", architecture):
        raise RecipeError(
            f"{path}: this slice is for {one.architecture}, and the image for {architecture}",
            "write a slice from an image of that platform; without architecture:, a slice is for all",
        )

"""A checkout of chisel-releases on this machine's disk: the definitions of slices, a file for each package."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from fromscratch import regular_file
from fromscratch.errors import RecipeError
from fromscratch.formats.debian import chisel
from fromscratch.formats.debian.chisel import ChosenSlice, PackageDefinition
from fromscratch.nearest import nearest

_LARGEST = 4 << 20


class ChiselRelease(Struct, frozen=True):
    """The folder that holds chisel.yaml and slices/."""

    folder: Path

    def choose(self, keys: Sequence[str], architecture: str) -> list[ChosenSlice]:
        """These slices with those that they need. Raises RecipeError."""
        return chisel.choose(keys, architecture, cache(self.definitions)) if keys else []

    def definitions(self, package: str) -> PackageDefinition:
        """The slices of a package. Raises RecipeError for one that has none here."""
        path = next(iter(sorted(self._slices().rglob(f"{package}.yaml"))), None)
        if path is None:
            known = {each.stem for each in self._slices().rglob("*.yaml")}
            near = nearest(package, known, count=2)
            raise RecipeError(
                f"no slice of {package} is defined in {self.folder}",
                f"did you mean {' or '.join(near)}?" if near else "see whether that is the branch of the right release",
            )
        try:
            if path.stat().st_size > _LARGEST:
                raise RecipeError(f"{path} is too large for definitions of slices", "take the checkout as it is")
            found = chisel.read(regular_file.read_text(path), str(path))
        except UnicodeDecodeError as error:
            raise RecipeError(f"{path}: this is not UTF-8 text", "take the checkout as it is") from error
        except OSError as error:
            raise RecipeError(f"cannot read {path}: {error.strerror}", "take the checkout as it is") from error
        if found.package != package:
            raise RecipeError(f"{path}: this is of the package {found.package}", "take the checkout as it is")
        return found

    def _slices(self) -> Path:
        folder = self.folder / "slices"
        if not folder.is_dir():
            raise RecipeError(
                f"{self.folder} holds no slices/ with definitions of chisel",
                "name the folder of a checkout of chisel-releases, of the branch of the release",
            )
        return folder

"""Which file a call's recipe is: the one that is named, the folder's own, else the one shipped for first steps."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fromscratch.errors import UsageError
from fromscratch.host.machine.lookup import broken_link, expanded
from fromscratch.host.machine.package_data import shipped
from fromscratch.nearest import nearest

DEFAULT_RECIPE = Path("fromscratch.yaml")
SHIPPED_DEFAULT = "busybox"
_ALIKE = 0.8  # of difflib's ratio: a letter or a suffix is different, and not the word
_SHOWN = 3


class Chosen(NamedTuple):
    """`note` is what to say when the call names no recipe."""

    path: Path
    note: str = ""


def recipe_file(name: str | None, *, delivering: str = "") -> Chosen:
    """The recipe's file. `delivering` is the verb of this call that brings the recipe's build elsewhere, if one does.

    Raises UsageError, naming what comes near; also where only the shipped recipe is there and its image would go
    somewhere under the user's name.
    """
    if name is not None:
        return Chosen(path=_path_of(expanded(name)))
    if DEFAULT_RECIPE.is_symlink() and not DEFAULT_RECIPE.exists():
        raise broken_link(DEFAULT_RECIPE, or_else="name the recipe with --recipe FILE")
    if DEFAULT_RECIPE.exists():
        return Chosen(path=DEFAULT_RECIPE)
    near = _near(Path.cwd())
    if delivering:
        raise UsageError(
            f"{delivering} would bring the shipped {SHIPPED_DEFAULT} elsewhere: there is no {DEFAULT_RECIPE} in "
            f"{Path.cwd()}",
            _meant(near)
            or f"go to the folder of the recipe, or name one with --recipe FILE; {SHIPPED_DEFAULT} is one such name",
        )
    note = f"there is no {DEFAULT_RECIPE} here, so this is the shipped recipe {SHIPPED_DEFAULT}"
    return Chosen(path=shipped("recipes") / f"{SHIPPED_DEFAULT}.yaml", note=f"{note}; {_meant(near)}" if near else note)


def _path_of(name: str) -> Path:
    path = Path(name)
    try:
        if path.is_file():
            return path
    except PermissionError:
        return path  # reading it will fail, with the reason
    known = sorted(each.stem for each in shipped("recipes").glob("*.yaml"))
    if name in known:
        return shipped("recipes") / f"{name}.yaml"
    if path.is_symlink() and not path.exists():
        raise broken_link(path, or_else="name the file itself")
    files = [str(each) for suffix in ("yaml", "yml") for each in Path().glob(f"*.{suffix}")]
    near = nearest(name, [*known, *files])
    lack = "that is a folder" if path.is_dir() else "no such file"
    raise UsageError(
        f"there is no recipe {name}: {lack}, and none of that name is shipped",
        f"did you mean {near[0]}?"
        if near
        else f"write one with `fromscratch init`, or name one of: {', '.join(known)}",
    )


def _near(folder: Path) -> list[Path]:
    """Files that were probably meant: of nearly the right name, or of the right one in a folder above or below."""
    found: list[Path] = []
    with suppress(OSError):
        found += sorted(Path(name) for name in os.listdir(folder) if _alike(name) and Path(name).is_file())
    with suppress(OSError):
        found += sorted(each.relative_to(folder) for each in folder.glob(f"*/{DEFAULT_RECIPE}"))
    above = next((each for each in folder.parents if os.access(each / DEFAULT_RECIPE, os.R_OK)), None)
    if above:
        found.append(Path(os.path.relpath(above / DEFAULT_RECIPE, folder)))
    return found[:_SHOWN]


def _alike(name: str) -> bool:
    import difflib  # slow to import, and of use only where no recipe is found

    words = name.lower().lstrip(".")
    return difflib.SequenceMatcher(None, words, str(DEFAULT_RECIPE)).ratio() >= _ALIKE


def _meant(near: list[Path]) -> str:
    if not near:
        return ""
    names = " or ".join(map(str, near))
    return f"did you mean {names}? Say --recipe {near[0]}, or call it {DEFAULT_RECIPE} and stand in its folder"

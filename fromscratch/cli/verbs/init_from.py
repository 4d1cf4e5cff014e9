"""`init --from FILE`: a declaration of another tool as a recipe, with every line that is not carried over."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fromscratch.cli.call import Call
from fromscratch.cli.recipe_file import DEFAULT_RECIPE
from fromscratch.errors import ImageError, UsageError
from fromscratch.host.storage import disk
from fromscratch.model.reference import slug
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.conversion import convert
from fromscratch.regular_file import read_text

_LARGEST = 4 << 20  # bytes of a declaration
_MOST = 1000  # files that one glob of a declaration means
_ABOVE = 6  # folders above the declaration that its files may be named from


def init_from(call: Call, name: str) -> None:
    """Raises UsageError for a file that is none of the declarations that are known."""
    path = Path(name)
    text = _text(path)
    folder = BesideIt(path)
    surroundings = Surroundings(
        name=name,
        image=slug(Path(os.path.realpath(path)).parent.name, "image"),
        read=folder.read,
        find=folder.find,
        missing=_PackageIndexes(call).missing,
    )
    converted = convert(text, surroundings)
    disk.write_atomically(DEFAULT_RECIPE, converted.recipe.encode(), durable=True)
    lost = [each for each in converted.left_out if not each.remark]
    for each in converted.left_out:
        call.note(
            f"{'note: ' if each.remark else 'left out: '}{name if not each.file else ''}"
            f"{'' if each.file else ':'}{each}"
        )
    if lost:
        lines = f"{len(lost)} part{'s' * (len(lost) > 1)} of it not carried over"
        call.say(f"wrote {DEFAULT_RECIPE} from {name}, {converted.form}: partial, {lines}; look at its head")
    else:
        call.say(f"wrote {DEFAULT_RECIPE} from {name}, {converted.form}: whole; next: fromscratch fetch build run")


def _text(path: Path) -> str:
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "name the file in it that declares the image")
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is too large for a declaration", "name the file that declares the image")
        return read_text(path)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: this is not UTF-8 text", "name the file that declares the image") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "see whether the path is right") from error


class BesideIt:
    """The files that a declaration names: looked for beside it, in the folders above it, and in the current one."""

    def __init__(self, path: Path) -> None:
        self._folder = Path(os.path.realpath(path)).parent

    def read(self, name: str) -> str | None:
        for found in self._found(name)[:1]:
            with suppress(OSError, UnicodeDecodeError):
                if found.stat().st_size <= _LARGEST:
                    return read_text(found)
        return None

    def find(self, name: str) -> list[str]:
        here = os.path.realpath(".")
        return [os.path.relpath(found, here) + ("/" if found.is_dir() else "") for found in self._found(name)]

    def _found(self, name: str) -> list[Path]:
        """The paths that a name or glob means; none for one that would lead out of the folder that it is sought in."""
        inside = os.path.normpath(name)
        if Path(inside).is_absolute() or inside.split("/")[0] == ".." or "\0" in name:
            return []
        for place in self._places():
            if (place / inside).exists():
                return [place / inside]
            if any(letter in inside for letter in "*?[") and (found := sorted(place.glob(inside))):
                return found[:_MOST]
        return []

    def _places(self) -> Iterator[Path]:
        yield self._folder
        yield from self._folder.parents[:_ABOVE]
        yield Path.cwd()


class _PackageIndexes:
    """Which packages the indexes of an item have; asked of the archives once for each item."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def missing(self, kind: str, options: Mapping[str, Any], names: Iterable[str]) -> frozenset[str] | None:
        from msgspec import convert as decoded

        from fromscratch.model.image import Platform
        from fromscratch.sources.catalogue import kinds
        from fromscratch.sources.contract import Context, PackageLookup

        call, found = self._call, kinds().get(kind)
        if found is None:
            return None
        context = Context(
            folder=Path.cwd(), place="the recipe", platform=Platform.of_this_machine(), progress=call.progress
        )
        try:
            source = found.bind(decoded(dict(options), found.options), context)
            if isinstance(source, PackageLookup):
                return source.unavailable(call.store, names)
            reason = f"{kind} has no look-up of names"
        except (ImageError, ValueError) as error:
            reason = str(error)
        call.note(f"package names were not looked up in an index: {reason}")
        return None

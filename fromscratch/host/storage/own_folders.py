"""The folders that a build itself writes: a source that contains them would pack the last image into the next."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from fromscratch.host.machine.scan import Skip
from fromscratch.host.storage import staging
from fromscratch.paths import TreePath, decode

_MARKS = ("oci/oci-layout", "evidence.json")
WRITTEN = ("oci", "evidence.json", "Dockerfile", "build.log")
"""What a build writes into the folder that is its output; see `fromscratch.flow.output`."""


def _silent(text: str) -> None:
    """For whom nobody listens."""


class OwnFolders(Struct, frozen=True, kw_only=True):
    """`written` are the folder of the build and that of the store; `tell` says what is left out of a source."""

    written: tuple[Path, ...] = ()
    tell: Callable[[str], None] = _silent

    def within(self, folder: Path) -> dict[TreePath, Path]:
        """What of a source's folder is not the source's but ours, by its path in the folder.

        A folder with nothing in it but such things, as the `build` that the first build makes, is ours too: the
        second build gets the tree that the first one got.
        """
        top = Path(os.path.realpath(folder))
        written = [Path(os.path.realpath(each)) for each in self.written]
        ours = {*written, *(build for each in written for build in _builds(each.parent))}
        found: dict[TreePath, Path] = {}
        for place in sorted(ours):
            if place == top and place in written:
                found.update((_path(top, each), each) for each in _written(top))
            elif place != top and place.is_relative_to(top):
                while place.parent != top and _only(place.parent, ours):
                    place = place.parent
                found[_path(top, place)] = place
        return found

    def skip(self, folder: Path, other: Skip) -> Skip:
        """What a scan of the folder leaves out: what `other` says, and what is ours."""
        ours = self.within(folder)
        return (lambda path: path in ours or other(path)) if ours else other

    def names(self, folder: Path) -> set[str]:
        """The same as names of this machine, relative to the folder."""
        return {os.path.relpath(place, os.path.realpath(folder)) for place in self.within(folder).values()}

    def say(self, label: str, folder: Path) -> None:
        """Tell what is left out of the source of this name, if something that is there is."""
        there = [
            str(path).lstrip("/")
            for path, place in self.within(folder).items()
            if os.path.lexists(place) and not _is_passing(place.name)  # which is gone before anybody looks
        ]
        if there:
            what, them = ("is", "it") if len(there) == 1 else ("are", "them")
            self.tell(f"{label}: {', '.join(there)} {what} left out: builds write {them}, and do not read {them}")


NONE = OwnFolders()


def _builds(folder: Path) -> set[Path]:
    """The builds in a folder, of other recipes: two that took each other's would grow in turn."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return set()
    return {Path(name) for name in names if all(os.path.lexists(os.path.join(name, mark)) for mark in _MARKS)}  # noqa: PTH118


def _written(folder: Path) -> list[Path]:
    """What a build whose output is this very folder writes into it, and what a killed one left on the way."""
    left = (path for name in WRITTEN for path in staging.leftovers(folder / name))
    return [*(folder / name for name in WRITTEN), *left]


def _is_passing(name: str) -> bool:
    return any(staging.is_of(name, written) for written in WRITTEN)


def _only(folder: Path, ours: Iterable[Path]) -> bool:
    """Whether nothing is in a folder but what is ours."""
    try:
        return {folder / name for name in os.listdir(folder)} <= {*ours, *_ways(folder, ours)}
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _ways(folder: Path, ours: Iterable[Path]) -> set[Path]:
    """The folders right below this one that lead to one of ours and hold nothing else."""
    below = {folder / place.relative_to(folder).parts[0] for place in ours if folder in place.parents}
    return {each for each in below if each not in ours and each.is_dir() and _only(each, ours)}


def _path(top: Path, place: Path) -> TreePath:
    return TreePath(f"/{decode(os.fsencode(place.relative_to(top)))}")

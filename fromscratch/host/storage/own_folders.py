"""The folders that builds write: a source must leave them out, or it would pack the last image into the next."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from fromscratch.host.machine.scan import Skip
from fromscratch.host.storage import staging
from fromscratch.paths import TreePath, decode

_MARKS = ("oci/oci-layout", "evidence.json")
_OF_BUILDS = ("oci", "evidence.json", "Dockerfile", "build.log", "bundle.trace")
_OF_SLIM = ("slim.trace", "slim.yaml", "slim-report.json", "verdict.json")
WRITTEN = _OF_BUILDS + _OF_SLIM
"""What verbs write into the folder that is their output; see `flow.output`, `flow.slim_output` and `proof.verdict`."""


def _ignore(text: str) -> None:
    """The `tell` that reports nothing."""


class OwnFolders(Struct, frozen=True, kw_only=True):
    """The output folder of the build and its store are `written`; `tell` reports what is left out of a source."""

    written: tuple[Path, ...] = ()
    tell: Callable[[str], None] = _ignore

    def within(self, folder: Path) -> dict[TreePath, Path]:
        """What builds have written below the folder of a source, by its path in that folder.

        A folder that holds nothing else counts as well, such as `build`, which the first build makes: the second
        build must get the same tree as the first.
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
        """The filter for a scan of the folder: what `other` leaves out, and what builds write."""
        ours = self.within(folder)
        return (lambda path: path in ours or other(path)) if ours else other

    def names(self, folder: Path) -> set[str]:
        """As `within`, as names of this machine relative to the folder."""
        return {os.path.relpath(place, os.path.realpath(folder)) for place in self.within(folder).values()}

    def say(self, label: str, folder: Path) -> None:
        """Report what is left out of the source with this label, if anything."""
        present = [
            str(path).lstrip("/")
            for path, place in self.within(folder).items()
            if os.path.lexists(place) and not _is_temporary(place.name)  # not temporary files, which will be gone
        ]
        if present:
            what, them = ("is", "it") if len(present) == 1 else ("are", "them")
            self.tell(f"{label}: {', '.join(present)} {what} left out: builds write {them}, and do not read {them}")


NONE = OwnFolders()


def _builds(folder: Path) -> set[Path]:
    """The output folders of other recipes in a folder: two that packed each other's would grow with each build."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return set()
    return {Path(name) for name in names if all(os.path.lexists(os.path.join(name, mark)) for mark in _MARKS)}  # noqa: PTH118


def _written(folder: Path) -> list[Path]:
    """The files of a build whose output is this very folder, and temporary ones that a killed build has left."""
    left = (path for name in WRITTEN for path in staging.leftovers(folder / name))
    return [*(folder / name for name in WRITTEN), *left]


def _is_temporary(name: str) -> bool:
    return any(staging.is_of(name, written) for written in WRITTEN)


def _only(folder: Path, ours: Iterable[Path]) -> bool:
    """Whether a folder holds nothing but what builds write."""
    try:
        return {folder / name for name in os.listdir(folder)} <= {*ours, *_folders_above(folder, ours)}
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _folders_above(folder: Path, ours: Iterable[Path]) -> set[Path]:
    """The folders right below this one that lead to what builds write, and hold nothing else."""
    below = {folder / place.relative_to(folder).parts[0] for place in ours if folder in place.parents}
    return {each for each in below if each not in ours and each.is_dir() and _only(each, ours)}


def _path(top: Path, place: Path) -> TreePath:
    return TreePath(f"/{decode(os.fsencode(place.relative_to(top)))}")

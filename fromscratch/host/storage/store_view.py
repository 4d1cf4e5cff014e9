"""A second store that holds what a first one does, for a build that must not change that one."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store

_SHARED = ("blobs", "records")


def shadow(store: Store, place: Path, without: Collection[str] = ()) -> Store:
    """A store at `place` with the blobs and records of another; what is derived of them is made again there.

    It has the work folders too, except those of the kinds `without`: builds go on in them, and another process must
    keep out of those. What such a build ended in is among the blobs.
    Blobs have one more name each, or a symlink where the filesystem is another. Raises ImageError.
    """
    with disk.explained(place):
        place.mkdir()
        for path in _found(store.root, without):
            target = place / path.relative_to(store.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            _name(path, target)
    return Store(place, store.limits)


def _found(root: Path, without: Collection[str]) -> Iterator[Path]:
    """Files of the shared parts, and the folders that sources have unpacked."""
    for part in _SHARED:
        for folder, _, names in disk.walk(root / part):
            yield from (Path(folder, name) for name in names)
    with suppress(FileNotFoundError):
        for kind in (root / "work").iterdir():
            if kind.name not in without:
                yield from kind.iterdir()


def _name(path: Path, target: Path) -> None:
    if not path.is_dir():
        with suppress(OSError):
            target.hardlink_to(path)
            return
    target.symlink_to(path)

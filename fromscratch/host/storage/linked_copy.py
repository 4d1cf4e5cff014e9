"""A second store with the content of a first one, for a build that must not change the first."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store

_SHARED = ("blobs", "records")


def linked_copy(
    store: Store, place: Path, without: Collection[str] = (), without_records: Collection[str] = ()
) -> Store:
    """A store at `place` with the blobs and records of another; what is derived from them is made again there.

    It has the work folders too, except those of the kinds `without`: only one process may continue a build in them,
    and its results are among the blobs. Records of the kinds `without_records` are left out as well. Files are hard
    links, or symlinks on another filesystem. Raises ImageError.
    """
    with disk.explained(place):
        place.mkdir()
        for path in _shared_files(store.root, without, without_records):
            target = place / path.relative_to(store.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(path, target)
    return Store(place)


def _shared_files(root: Path, without: Collection[str], without_records: Collection[str]) -> Iterator[Path]:
    """The blobs and records, and the folders that sources have unpacked."""
    for part in _SHARED:
        for folder, _, names in disk.walk(root / part):
            if part == "blobs" or Path(folder).name not in without_records:
                yield from (Path(folder, name) for name in names)
    with suppress(FileNotFoundError):
        for kind in (root / "work").iterdir():
            if kind.name not in without:
                yield from kind.iterdir()


def _link(path: Path, target: Path) -> None:
    if not path.is_dir():
        with suppress(OSError):
            target.hardlink_to(path)
            return
    target.symlink_to(path)

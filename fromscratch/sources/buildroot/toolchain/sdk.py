"""A toolchain that `make sdk` of Buildroot packed, unpacked once for all recipes that name the same bytes.

The archive has one folder, with Buildroot's host directory in it and a script that makes it fit for another place.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed, UsageError
from fromscratch.host.process import run
from fromscratch.host.storage import disk, file_digests
from fromscratch.host.storage.store import Store
from fromscratch.progress import Progress

FOLDERS = "buildroot-sdk"  # the kind of work folder that they are unpacked in
_RELOCATE = "relocate-sdk.sh"
_UNPACKING = ("--strip-components=1", "--no-same-owner", "--no-same-permissions")


class Sdk(Struct, frozen=True):
    """Where it is unpacked, and the digest of the archive."""

    path: Path
    digest: Digest


def unpacked(archive: Path, store: Store, progress: Progress) -> Sdk:
    """The toolchain of an archive, in the store. Of two processes that want it one unpacks, and the other waits.

    Raises UsageError for an archive of something else.
    """
    digest = file_digests.store_file(store, archive)
    place = store.workspace(FOLDERS, str(digest))
    found = Sdk(place / "sdk", digest)
    done = place / "relocated"
    if not done.exists():
        with store.lock(f"{FOLDERS}-{digest}", _note(progress, f"waiting for {archive.name} to be unpacked")):
            if not done.exists():
                _unpack(archive, found.path, store.path(digest), progress)
                disk.write_atomically(done, b"")
    return found


def _unpack(archive: Path, place: Path, packed: Path, progress: Progress) -> None:
    disk.discard(place)
    place.mkdir(parents=True)
    with progress.task(f"unpacking {archive.name}", unit="steps"), disk.explained(place):
        try:
            run.run(["tar", "-x", "-f", str(packed), "-C", str(place), *_UNPACKING])
        except CommandFailed as error:
            raise UsageError(f"toolchain: {archive} is not an archive that tar reads", _HINT) from error
        script = place / _RELOCATE
        if not script.is_file():
            raise UsageError(f"toolchain: {archive} is not an SDK of Buildroot: it has no {_RELOCATE}", _HINT)
        run.run([str(script)], cwd=place)


_HINT = "make sdk, in the output folder of a Buildroot build, writes one as images/TUPLE_sdk-buildroot.tar.gz"


def _note(progress: Progress, text: str) -> Callable[[], None]:
    return lambda: progress.note(text)

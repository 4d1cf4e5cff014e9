"""Buildroot's sources out of Debian's source packages, for machines that reach no other site.

Debian keeps many upstream tarballs as they were released, under another name:
pool/main/b/busybox/busybox_1.38.0.orig.tar.bz2 is busybox-1.38.0.tar.bz2. Buildroot's own .hash
files say whether it is that very file. An archive's pool holds the packages of all its suites, so
that the newest versions are there whichever suite this machine has.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.advice import Setting, advice
from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import DownloadError, ImageError, IntegrityError, UsageError
from fromscratch.host.http.download import FileRequest, Missing, download
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.lazy_regex import lazy_regex
from fromscratch.progress import SILENT, Progress

# Buildroot's name of a package -> the name of Debian's source package, where they differ.
_DEBIAN_NAMES = {"libzlib": "zlib", "xz": "xz-utils"}
_HASH = lazy_regex(r"^(sha256|sha512)\s+([0-9a-f]+)\s+(\S+\.(?:tar\.\w+|tgz|zip))\s*$", re.MULTILINE)
_RELEASE = lazy_regex(r"(?P<name>.+?)[-_]v?(?P<version>\d[^-_]*?)(?:\.orig)?\.(?P<form>tar\.\w+|tgz|zip)")


class Source(Struct, frozen=True):
    """One file that Buildroot wants, with its digest, and the name it has in Debian's pool."""

    package: str
    name: str
    digest: Digest
    pool: str


class Outcome(Struct, frozen=True):
    """What was had, and for what was not, why."""

    had: tuple[Source, ...]
    missed: tuple[tuple[Source, str], ...]


def sources(tree: Path, package: str) -> list[Source]:
    """The files that a package of this Buildroot wants. Raises UsageError for a package that has none."""
    hashes = tree / "package" / package / f"{package}.hash"
    if not hashes.is_file():
        raise UsageError(f"there is no {hashes}", "name packages as Buildroot's package/ folder does")
    said = {name: f"{kind}:{digits}" for kind, digits, name in _HASH.findall(hashes.read_text())}
    found = [_source(package, name, digest) for name, digest in said.items()]
    if not found:
        raise UsageError(f"{hashes} has the hash of no tarball", "its sources come from elsewhere, such as git")
    return found


def fill(
    folder: Path, downloads: Sequence[Source], archives: Sequence[str], store: Store, progress: Progress = SILENT
) -> Outcome:
    """Bring the files into `folder` as a primary site has them, PACKAGE/FILE, from the first archive that has them.

    `archives` are the addresses of Debian archives. A file that no archive has, or has in another
    form, is not a failure of the rest.
    """
    had, missed = [], []
    for source in downloads:
        target = folder / source.package / source.name
        if not _is(target, source.digest):
            urls = tuple(Address(archive) / source.pool for archive in archives)
            try:
                download(store, [FileRequest(title=source.name, urls=urls, digest=source.digest)], progress)
            except Missing:
                missed.append((source, "Debian has no such version"))
                continue
            except IntegrityError:
                missed.append((source, "Debian packed it anew: other bytes"))
                continue
            except DownloadError as error:
                missed.append((source, error.message))
                continue
            with disk.atomic(target) as out, store.open(source.digest) as stream:
                shutil.copyfileobj(stream, out)
        had.append(source)
    return Outcome(tuple(had), tuple(missed))


def archives_of_this_machine() -> list[str]:
    """Where this machine's apt fetches from. Raises ImageError if there is nothing."""
    from fromscratch.host.machine.apt import mirrors

    found = list(dict.fromkeys(one.uri for one in mirrors() if "main" in one.components))
    if not found:
        raise ImageError(
            "this machine's apt has no Debian archive", advice("name one with ", Setting("archive", "URL"))
        )
    return found


def _source(package: str, name: str, digest: str) -> Source:
    release = _RELEASE.fullmatch(name)
    debian = _DEBIAN_NAMES.get(package, package.removeprefix("host-"))
    letter = debian[:4] if debian.startswith("lib") else debian[:1]
    version = release["version"] if release else ""
    form = release["form"].replace("tgz", "tar.gz") if release else ""
    pool = f"pool/main/{letter}/{debian}/{debian}_{version}.orig.{form}"
    return Source(package, name, Digest.parse(digest), pool)


def _is(path: Path, digest: Digest) -> bool:
    if not path.is_file():
        return False
    hasher = digest.hasher()
    with open(path, "rb") as stream:
        while piece := stream.read(CHUNK):
            hasher.update(piece)
    return bool(hasher.hexdigest() == digest.hex)

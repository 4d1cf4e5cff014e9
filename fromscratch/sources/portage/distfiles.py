"""Downloads of source archives (distfiles), each held to the Manifest of its package."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from fromscratch.errors import DownloadError, IntegrityError
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.machine import lookup
from fromscratch.host.storage.store import Store
from fromscratch.progress import Progress
from fromscratch.sources.portage.plan import Distfile

_WEB = ("https://", "http://", "file://")


def fetch(store: Store, requested: Iterable[Distfile], mirrors: Sequence[str], progress: Progress, jobs: int) -> None:
    """Bring them into the store. Raises DownloadError, with every address that was tried, or IntegrityError."""
    requests = []
    for each in requested:
        digest = each.digest
        if digest is None:
            raise IntegrityError(
                f"portage: the Manifest has no SHA512 of {each.name}",
                "run `ebuild EBUILD manifest` in the repository, which adds it",
            )
        found = addresses(each, mirrors)
        if not found:
            raise _nowhere(each)
        size = each.size if each.size >= 0 else None
        requests.append(FileRequest(title=each.name, urls=tuple(found), digest=digest, size=size))
    download(store, requests, progress, jobs)


def mirror_addresses(mirrors: Iterable[str], folder: Path) -> list[str]:
    """The mirrors as addresses; a folder of this machine is relative to the recipe."""
    return [each if "://" in each else (folder / lookup.expanded(each)).absolute().as_uri() for each in mirrors]


def addresses(each: Distfile, mirrors: Sequence[str]) -> list[str]:
    """Mirrors first, which have all versions, in both of their layouts (GLEP 75); then where the package is from."""
    below = hashlib.blake2b(each.name.encode()).hexdigest()[:2]
    found = [one for base in mirrors for one in _in_mirror(base.rstrip("/"), below, each.name)]
    own = [] if each.restricted else [one for one in each.addresses if one.startswith(_WEB)]
    return list(dict.fromkeys([*found, *own]))


def _in_mirror(base: str, below: str, name: str) -> list[str]:
    if base.startswith("file://"):
        return [f"{base}/{name}", f"{base}/distfiles/{name}"]
    return [f"{base}/distfiles/{below}/{name}", f"{base}/distfiles/{name}"]


def _nowhere(each: Distfile) -> DownloadError:
    if each.restricted:
        return DownloadError(
            f"portage: {each.name} may not be downloaded by programs (RESTRICT=fetch)",
            "get it where the package's homepage says, and name its folder under mirrors:",
        )
    shown = ", ".join(each.addresses) or "no address"
    return DownloadError(
        f"portage: {each.name} is at {shown}, which cannot be downloaded here",
        "get it by hand, and name its folder under mirrors:",
    )

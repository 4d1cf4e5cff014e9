"""Repositories and what they say: repomd.xml, fetched and verified, and the files that it lists."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import DownloadError, ImageError, IntegrityError
from fromscratch.formats.rpm import repomd
from fromscratch.formats.rpm.repomd import Listed, Repomd
from fromscratch.host.http import logins
from fromscratch.host.http.download import Connect, FileRequest, download, refresh
from fromscratch.host.machine import signature
from fromscratch.host.process import threads
from fromscratch.host.storage.store import Store
from fromscratch.progress import Progress

_INDEX = "repodata/repomd.xml"
_LOOKS, _PATIENCE = 8, 0.2


class Source(Struct, frozen=True, kw_only=True):
    """One repository, at one of several addresses, tried in order, or at those of a mirror list or metalink."""

    name: str
    addresses: tuple[Address, ...] = ()
    mirror_list: Address | None = None
    metalink: Address | None = None
    keys: tuple[Path, ...] = ()
    unsigned: bool = False
    priority: int = 99

    @property
    def key(self) -> str:
        """What identifies it: the mirrors of one list share it."""
        whole = [*self.addresses, *(each for each in (self.mirror_list, self.metalink) if each)]
        return " ".join(address.key for address in whole)

    @property
    def shown(self) -> str:
        where = self.metalink or self.mirror_list or (self.addresses[0] if self.addresses else "nowhere")
        return f"{self.name} at {where}" if self.name else str(where)


class Seen(Struct, frozen=True):
    """A repository's index as it is now, at the address that gave it; `signature` is repomd.xml.asc, if it has one."""

    source: Source
    address: Address
    addresses: tuple[Address, ...]
    index: Digest
    signature: Digest | None = None

    @property
    def what(self) -> str:
        return f"the index of {self.source.shown}"


def look(store: Store, sources: Sequence[Source], progress: Progress, connect: Connect = logins.session) -> list[Seen]:
    """The present index of each repository. Raises DownloadError, FormatError, IntegrityError."""
    return threads.each(sources, lambda one: _look(store, one, progress, connect), _LOOKS, lambda: None, _PATIENCE)


def _look(store: Store, source: Source, progress: Progress, connect: Connect) -> Seen:
    def present(address: Address, *, missing_ok: bool = True) -> Digest | None:
        return refresh(store, address, progress, missing_ok=missing_ok, connect=connect)

    addresses, digests = _mirrors(store, source, lambda address: present(address, missing_ok=False))
    failure: ImageError | None = None
    for address in addresses:
        try:
            with progress.task(f"ask {address}", total=None, unit="steps"):
                index = present(address / _INDEX)
                signed = present(address / f"{_INDEX}.asc") if index is not None else None
        except DownloadError as error:
            failure = failure or error
            continue
        if index is None:
            continue
        if digests and not _is_one_of(store.read(index), digests):
            failure = IntegrityError(
                f"{_INDEX} at {address} does not have the digest that the metalink gives it",
                "the mirror lags behind, or does not tell the truth: run it again later",
            )
            continue
        return Seen(source, address, tuple(addresses), index, signed)
    raise failure or DownloadError(
        f"there is no repository at {', '.join(map(str, addresses))}",
        f"write the address of the folder that has {_INDEX} in it",
    )


def _is_one_of(data: bytes, digests: Sequence[Digest]) -> bool:
    return any(hashlib.new(digest.algorithm, data).hexdigest() == digest.hex for digest in digests)


def _mirrors(
    store: Store, source: Source, fetched: Callable[[Address], Digest | None]
) -> tuple[Sequence[Address], Sequence[Digest]]:
    """The addresses of a repository, and the digests that its index may have; none if nothing gives them."""
    if source.metalink is not None:
        digest = fetched(source.metalink)
        found = repomd.parse_metalink(store.read(digest) if digest else b"", f"the metalink of {source.name or 'rpm'}")
        ends = (url for url in found.addresses if url.endswith(f"/{_INDEX}"))
        return [Address(url.removesuffix(f"/{_INDEX}")) for url in ends], found.digests
    if source.mirror_list is not None:
        digest = fetched(source.mirror_list)
        lines = repomd.parse_mirror_list(store.read(digest) if digest else b"", f"the list of mirrors {source.shown}")
        return [Address(line.rstrip("/")) for line in lines], []
    return source.addresses, []


def read_index(store: Store, seen: Seen, *, unsigned: bool) -> tuple[Repomd, bool]:
    """What the index says, and whether its signature is good. Raises IntegrityError for a bad one, FormatError.

    Most repositories sign packages and not the index; so one without a signature is read, and it is for the packages
    to have one.
    """
    data = store.read(seen.index)
    is_signed = False
    if seen.signature is not None and seen.source.keys and not (unsigned or seen.source.unsigned):
        path = store.path(seen.index)
        signature.verify_detached(path, store.read(seen.signature), seen.source.keys, seen.what)
        is_signed = True
    return repomd.parse_repomd(data, seen.what), is_signed


def bring(
    store: Store,
    listed: Sequence[tuple[Seen, Listed]],
    progress: Progress,
    jobs: int,
    connect: Connect = logins.session,
) -> list[Digest]:
    """Download files that indexes list. Raises DownloadError, IntegrityError."""
    requests = [
        FileRequest(
            title=f"{seen.source.name} {one.kind}".strip(),
            urls=tuple(locations(seen, one.location)),
            digest=one.digest,
            size=one.size,
        )
        for seen, one in listed
    ]
    return download(store, requests, progress, jobs, connect=connect)


def locations(seen: Seen, location: str) -> Iterator[Address]:
    """Where a file of a repository can be had: where its index was found first."""
    if location.startswith(("https://", "http://", "file://")):
        yield Address(location)
    else:
        yield from dict.fromkeys(address / location for address in (seen.address, *seen.addresses))

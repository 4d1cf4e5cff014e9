"""Which archive a fetch has found and verified, kept for the builds that follow."""

from datetime import UTC, datetime

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.digest import CHUNK, Digest, check
from fromscratch.errors import IntegrityError
from fromscratch.formats.gentoo import pointer
from fromscratch.formats.gentoo.pointer import Latest
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.storage import records
from fromscratch.host.storage.store import Store
from fromscratch.regular_file import open_buffered
from fromscratch.sources.contract import Context
from fromscratch.sources.tarball import documents
from fromscratch.sources.tarball.options import TarballOptions

_KIND = "tarball-1"


class Settled(Struct, frozen=True, kw_only=True):
    """`url` has no secrets; `moment` is when a pointer was published, in seconds since 1970, 0 if unknown."""

    url: str
    name: str
    digest: str
    moment: int = 0


def load(store: Store, key: str) -> Settled | None:
    """What a fetch of these options found, or None."""
    return records.load(store, _KIND, key, Settled)


def save(store: Store, key: str, found: Settled) -> None:
    records.save(store, _KIND, key, found)


def settle(store: Store, options: TarballOptions, context: Context, before: Settled | None) -> Settled:
    """Download the archive of an address, and verify it by all that the recipe says.

    Raises DownloadError, IntegrityError, FormatError, MissingTool.
    """
    if options.latest:
        return _newest(store, options, context, before)
    address = Address(options.url)
    expected = options.expected()
    listed = documents.listed_digest(store, options, context, address.title) if options.digests else None
    first = expected[-1] if expected else listed
    [digest] = download(
        store, [FileRequest(title=address.title, urls=(address,), digest=first)], context.progress, context.jobs
    )
    for one in (*expected, *([listed] if listed else [])):
        check_file(store, digest, one, f"tarball {address}")
    verify_signature(store, options, context, digest, address.title)
    return Settled(url=str(address), name=address.title, digest=str(digest))


def verify_signature(store: Store, options: TarballOptions, context: Context, digest: Digest, name: str) -> None:
    """Verify the signature of the archive itself, if the recipe has one."""
    if options.signature and not options.digests:
        by = documents.read(store, options.signature, context, "signature")
        names = name, documents.title(options.signature)
        documents.verify_archive(store, digest, by, documents.keyrings(options, context), context, names)


def check_file(store: Store, digest: Digest, expected: Digest, what: str) -> None:
    """Raises IntegrityError unless the blob has the expected digest, of whichever algorithm."""
    if digest.algorithm != expected.algorithm:
        hasher = expected.hasher()
        with open_buffered(store.path(digest)) as stream:
            while piece := stream.read(CHUNK):
                hasher.update(piece)
        digest = Digest(expected.algorithm, hasher.hexdigest())
    check(digest, expected, what)


def _newest(store: Store, options: TarballOptions, context: Context, before: Settled | None) -> Settled:
    address = Address(options.latest)
    what = f"the pointer {address}"
    document = documents.read(store, options.latest, context, "latest")
    trusted = [] if options.unsigned else documents.keyrings(options, context)
    found = pointer.latest(documents.signed_text(document, trusted, what, unsigned=options.unsigned), what)
    if before is not None and found.moment < before.moment and not options.older:
        raise IntegrityError(
            f"{what} is of {_day(found.moment)}; the one that was fetched before is of {_day(before.moment)}",
            "use another mirror, as this one may want you to have old files; or write older: true if it is meant",
        )
    urls = _places(address, found)
    name = urls[0].title
    listed = None if options.unsigned else documents.published_digest(store, urls[0], context, trusted)
    [digest] = download(
        store,
        [FileRequest(title=name, urls=urls, digest=listed, size=found.size)],
        context.progress,
        context.jobs,
    )
    if listed is None and not options.unsigned:
        by = documents.read(store, f"{urls[0].whole}.asc", context, "signature")
        documents.verify_archive(store, digest, by, trusted, context, (name, f"{name}.asc"))
    return Settled(url=str(urls[0]), name=name, digest=str(digest), moment=found.moment)


def _places(pointer_address: Address, found: Latest) -> tuple[Address, ...]:
    """Where the archive may lie: a pointer in a folder current-… names it by its path from the folder above."""
    whole, mark, query = pointer_address.whole.partition("?")
    folder = whole.rpartition("/")[0]
    folders = [folder]
    if "/" in found.path and folder.rpartition("/")[2].startswith("current-"):
        folders.insert(0, folder.rpartition("/")[0])
    return tuple(Address(f"{one}/{found.path}{mark}{query}") for one in folders)


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}" if moment else "an unknown time"

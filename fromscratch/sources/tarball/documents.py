"""The small files that vouch for an archive: detached signatures, lists of digests, pointers; here or at an address."""

from collections.abc import Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import IntegrityError
from fromscratch.formats import digest_list
from fromscratch.formats.packing import decompress
from fromscratch.formats.trust import openpgp
from fromscratch.host.http.download import FileRequest, Missing, download
from fromscratch.host.images.archives import plain_archive
from fromscratch.host.machine import lookup, signature
from fromscratch.host.storage import file_digests
from fromscratch.host.storage.store import Store
from fromscratch.limits import size_text
from fromscratch.sources.contract import Context
from fromscratch.sources.tarball.options import TarballOptions, is_address

# Where Gentoo's package of its release keys puts them.
_RELEASE_KEYS = (Path("/usr/share/openpgp-keys/gentoo-release.asc"),)
_CLEARSIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURES = (".asc", ".sig", ".sign", ".gpg", ".pgp")


def read(store: Store, text: str, context: Context, what: str) -> bytes:
    """The bytes of a document at an address or in a file. Raises DownloadError, UsageError, IntegrityError if large."""
    if is_address(text):
        address = Address(text)
        [digest] = download(store, [FileRequest(title=address.title, urls=(address,))], context.progress)
    else:
        digest = file_digests.store_file(store, lookup.file(context.folder, text, what))
    size = store.path(digest).stat().st_size
    if size > digest_list.MAX_SIZE:
        raise IntegrityError(
            f"{what} at {Address(text)} has {size_text(size)}, which is too much for it",
            "see whether the address is right",
        )
    return store.read(digest)


def keyrings(options: TarballOptions, context: Context) -> list[Path]:
    """The files with the keys that are trusted. Raises UsageError for one that is not there."""
    files = [lookup.file(context.folder, text, "keyring") for text in options.keyrings()]
    return files or [path for path in _RELEASE_KEYS if options.latest and path.is_file()]


def signed_text(document: bytes, trusted: Sequence[Path], what: str, *, unsigned: bool = False) -> bytes:
    """The text of a document that is signed in itself. Raises IntegrityError, MissingTool."""
    if not unsigned:
        return signature.verify_clearsigned(document, trusted, what)
    return openpgp.split_clearsigned(document)[0] if document.startswith(_CLEARSIGNED) else document


def listed_digest(store: Store, options: TarballOptions, context: Context, name: str) -> Digest:
    """The digest of the archive `name` by the list of the recipe, whose signature is verified."""
    what = f"the list {title(options.digests)}"
    document = read(store, options.digests, context, "digests")
    trusted = keyrings(options, context)
    if options.signature:
        by = read(store, options.signature, context, "signature")
        signature.verify_detached(store.path(store.add(document)), by, trusted, what)
    else:
        document = signed_text(document, trusted, what)
    return digest_list.listed_digest(document, name, what)


def published_digest(store: Store, archive: Address, context: Context, trusted: Sequence[Path]) -> Digest | None:
    """The digest by the signed list DIGESTS beside an archive; None where there is no list."""
    try:
        document = read(store, f"{archive.whole}.DIGESTS", context, "digests")
    except Missing:
        return None
    what = f"the list {archive.title}.DIGESTS"
    return digest_list.listed_digest(signed_text(document, trusted, what), archive.title, what)


def verify_archive(
    store: Store, digest: Digest, by: bytes, trusted: Sequence[Path], context: Context, names: tuple[str, str]
) -> None:
    """Verify the detached signature of an archive; `names` are those of the archive and of the signature.

    A signature NAME.tar.sign beside NAME.tar.xz is that of the tar in it, as on kernel.org.
    """
    archive, beside = names
    path = store.path(digest)
    if decompress.kind(path, archive) != "none" and _signed(beside) == archive.rpartition(".")[0]:
        path = plain_archive(digest, store, archive, context.limits)
    signature.verify_detached(path, by, trusted, archive)


def title(text: str) -> str:
    """The name of a file here or at an address."""
    return Address(text).title if is_address(text) else text.rpartition("/")[2]


def _signed(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in _SIGNATURES if name.endswith(suffix)), name)

"""Which archives a recipe means, and what they say: signed indexes, fetched and verified."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import DownloadError, FormatError, ImageError, IntegrityError
from fromscratch.formats.debian import deb822
from fromscratch.formats.debian.index import Listed, Release, compact, parse_release
from fromscratch.formats.packing import decompress as compression
from fromscratch.formats.trust import openpgp
from fromscratch.host.http import logins
from fromscratch.host.http.download import Connect, refresh
from fromscratch.host.machine import signature
from fromscratch.host.machine.apt import AptSource
from fromscratch.host.process import threads
from fromscratch.host.storage.store import Store
from fromscratch.progress import Progress
from fromscratch.regular_file import read_bytes
from fromscratch.sources.debian import platforms

# What Debian and Ubuntu append to a suite's name for updates and security; the last is that of Debian 10 and older.
_COMPANIONS = ("-updates", "-security", "/updates")
_LOOKS = 8
_PATIENCE = 0.2
_INDEX_KIND = "debian-index-2"


class Archive(Struct, frozen=True, kw_only=True):
    """One suite at one of several addresses, tried in order.

    `keyrings` has files, keys as armored text, and fingerprints of keys that the machine has. One that is
    `dated` shows a moment of the past, so that its index may have expired. A `companion` of the wanted suite
    may lack the architecture or a component; an `optional` one may be missing or out of order too, since
    nobody has said that it is there.
    """

    addresses: tuple[Address, ...]
    suite: str
    components: tuple[str, ...]
    keyrings: tuple[Path | str, ...] = ()
    dated: bool = False
    companion: bool = False
    optional: bool = False


class Seen(Struct, frozen=True):
    """An archive's index as it is now: `release` signed in itself, or beside it `signature`."""

    archive: Archive
    address: Address
    release: Digest
    signature: Digest | None = None

    @property
    def what(self) -> str:
        return f"the index of {self.archive.suite} at {self.address}"


def of_this_machine(
    sources: Sequence[AptSource], suite: str, components: Sequence[str], architecture: str, *, native: bool
) -> list[Archive]:
    """The archives of the machine's apt that serve a suite, its updates and its security; its own is the first.

    A machine of another suite has the right mirrors too: they are asked for the wanted suite. What
    the machine itself does not use, because it has another suite or is not `native` to the
    architecture, is optional. Raises ImageError when the machine has no mirror.
    """
    usable = [
        source
        for source in sources
        if set(source.components) & set(components)
        and (not source.architectures or architecture in source.architectures)
    ]
    if not usable:
        raise ImageError(
            f"no mirror for {suite} is known: the recipe names none, and this machine has no apt source "
            f"with {' or '.join(components)} for {architecture}",
            "write the address of a mirror that you trust into the recipe, as in  mirror: https://HOST/debian",
        )
    listed = [source for source in usable if suite in source.suites]
    found = [_archive(listed or usable, suite, components)]
    for companion in (f"{suite}{end}" for end in _COMPANIONS):
        end = companion.removeprefix(suite)
        for source in usable:
            if companion in source.suites or any(name.endswith(end) for name in source.suites):
                known = native and companion in source.suites
                found.append(_archive([source], companion, components, companion=True, optional=not known))
    return list(dict.fromkeys(found))


def _archive(
    sources: Sequence[AptSource],
    suite: str,
    components: Sequence[str],
    *,
    companion: bool = False,
    optional: bool = False,
) -> Archive:
    keys = [key for source in sources for key in source.signed_by] if all(s.signed_by for s in sources) else []
    return Archive(
        addresses=tuple(dict.fromkeys(Address(source.uri) for source in sources)),
        suite=suite,
        components=tuple(components),
        keyrings=tuple(dict.fromkeys(keys)),
        companion=companion,
        optional=optional,
    )


def look(
    store: Store, archives: Sequence[Archive], progress: Progress, connect: Connect = logins.session
) -> list[Seen]:
    """The present index of each archive; optional ones that are missing fall away. Raises DownloadError."""
    # A question on its way cannot be called back: its thread ends with the program.
    found = threads.each(
        archives, lambda archive: _look(store, archive, progress, connect), _LOOKS, lambda: None, _PATIENCE
    )
    return [seen for seen in found if seen is not None]


def _look(store: Store, archive: Archive, progress: Progress, connect: Connect) -> Seen | None:
    failure: DownloadError | None = None

    def present(address: Address) -> Digest | None:
        return refresh(store, address, progress, missing_ok=True, connect=connect)

    for address in archive.addresses:
        try:
            with progress.task(f"ask {address} for {archive.suite}", total=None, unit="steps"):
                seen = _asked(archive, address, present)
            if seen is not None:
                return seen
        except DownloadError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    if archive.optional:
        return None
    where = ", ".join(map(str, archive.addresses))
    raise DownloadError(
        f"there is no suite {archive.suite} at {where}",
        "see whether suite: and mirror: are right; a mirror's dists/ folder lists what it has",
    )


def _asked(archive: Archive, address: Address, present: Callable[[Address], Digest | None]) -> Seen | None:
    """The present index of an archive at one of its addresses, in the first form that is there."""
    folder = address / f"dists/{archive.suite}"
    inline = present(folder / "InRelease")
    if inline is not None:
        return Seen(archive, address, inline)
    plain = present(folder / "Release")
    return None if plain is None else Seen(archive, address, plain, present(folder / "Release.gpg"))


def read_release(store: Store, seen: Seen, keyrings: Sequence[Path], *, unsigned: bool) -> Release:
    """What the index says, its signature verified unless `unsigned`.

    Raises IntegrityError, FormatError, MissingTool.
    """
    release = parse_release(deb822.decoded(_verified(store, seen, keyrings, unsigned)), seen.what)
    name = seen.archive.suite
    # A mirror that answers with another suite of the same signers is a known attack: apt checks it too.
    if release.suite or release.codename:
        base = name.partition("/")[0]
        if name not in (release.suite, release.codename) and base not in (release.suite, release.codename):
            raise IntegrityError(
                f"{seen.what} is that of {release.codename or release.suite}",
                "the mirror is set up wrongly or does not tell the truth: use another, or fix suite:",
            )
    return release


def _verified(store: Store, seen: Seen, keyrings: Sequence[Path], unsigned: bool) -> bytes:
    document = store.read(seen.release)
    clearsigned = document.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----")
    if unsigned:
        return openpgp.split_clearsigned(document)[0] if clearsigned else document
    if seen.signature is None:
        return signature.verify_clearsigned(document, keyrings, seen.what)
    signature.verify_detached(store.path(seen.release), store.read(seen.signature), keyrings, seen.what)
    return document


def keyrings_of(store: Store, archive: Archive, default: Sequence[Path]) -> list[Path]:
    """The files with the keys that an archive is trusted by: its own, else the default ones.

    A key given as text goes into the store, and so do those of the default that fingerprints name.
    Raises IntegrityError when no keyring has such a key.
    """
    found: list[Path] = []
    for key in archive.keyrings:
        if isinstance(key, Path):
            found.append(key)
        elif "-----BEGIN PGP" in key:
            found.append(store.path(store.add(key.encode())))
        else:
            found.append(store.path(store.add(_key(key, archive, default))))
    return found if archive.keyrings else list(default)


def _key(fingerprint: str, archive: Archive, keyrings: Sequence[Path]) -> bytes:
    """The key of that fingerprint. A ! behind it, which leaves out its subkeys, is passed over."""
    pinned = fingerprint.removesuffix("!").upper()
    for path in keyrings:
        try:
            found = openpgp.certificates(read_bytes(path))
        except (OSError, FormatError):
            continue  # the key may be in another
        for certificate in found:
            if pinned in certificate.fingerprints:
                return certificate.raw
    raise IntegrityError(
        f"{archive.suite} is to be signed by the key {fingerprint}, which no keyring of this machine has",
        "install the keyring that has it, or name one under keyring:",
    )


def trust(keyrings: Sequence[Path]) -> str:
    """A text that changes with the keys in these files."""
    contents = (path.read_bytes() if path.is_file() else b"" for path in keyrings)
    return str(Digest.of(b"".join(hashlib.sha256(content).digest() for content in contents)))


def package_lists(seen: Seen, release: Release, architecture: str) -> Iterator[Listed]:
    """The Packages files of the archive for this architecture.

    Raises ImageError for a component or architecture that it does not have, unless it is a companion.
    """
    archive = seen.archive
    if release.architectures and architecture not in release.architectures:
        if archive.companion:
            return
        raise ImageError(
            f"{archive.suite} at {seen.address} has no packages for {platforms.shown(architecture)}; "
            f"it has those for {', '.join(map(platforms.shown, platforms.known(release.architectures)))}",
            "build for one of these platforms, or take another suite",
        )
    for component in archive.components:
        found = release.packages(component, architecture)
        every = release.packages(component, "all") if release.separate_all else None
        if found is None and every is None and not archive.companion:
            raise ImageError(
                f"{archive.suite} at {seen.address} has no component {component} for {architecture}; "
                f"it has {', '.join(release.components)}",
                "fix components:",
            )
        yield from (listed for listed in (found, every) if listed is not None)


def addresses(seen: Seen, listed: Listed, *, by_hash: bool) -> tuple[Address, ...]:
    """Where a listed file can be had: by its digest, which stays right while the archive changes, and by its name."""
    found = []
    for address in (seen.address, *seen.archive.addresses):
        folder = address / f"dists/{seen.archive.suite}"
        if by_hash:
            directory = listed.path.rpartition("/")[0]
            found.append(folder / f"{directory}/by-hash/{listed.digest.algorithm.upper()}/{listed.digest.hex}")
        found.append(folder / listed.path)
    return tuple(dict.fromkeys(found))


def indexed(store: Store, digest: Digest, what: str) -> Path:
    """The Packages file of this digest in the form of `formats.debian.index.compact`, made once. Raises FormatError."""
    try:
        return store.derived(digest, _INDEX_KIND, _index)
    except FormatError as error:
        raise FormatError(f"{what}: {error.message}", error.hint) from error


def _index(blob: Path, target: Path) -> None:
    plain = target.with_name(f"{target.name}.plain")
    try:
        compression.expand(blob, plain)
        with open(target, "wb") as out:
            out.writelines(compact(plain.read_bytes()))
    finally:
        plain.unlink(missing_ok=True)

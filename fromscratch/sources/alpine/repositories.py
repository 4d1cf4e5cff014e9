"""Which repositories a recipe means, and what they list: signed indexes, fetched and verified."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.errors import DownloadError, FormatError, ImageError, UsageError
from fromscratch.formats.alpine.index import Package, parse_index
from fromscratch.formats.alpine.segments import first_segments
from fromscratch.formats.alpine.signature import check_signature
from fromscratch.host.http.download import refresh
from fromscratch.host.machine import apk, lookup
from fromscratch.host.process import threads
from fromscratch.host.storage import newest_index
from fromscratch.host.storage.store import Store
from fromscratch.progress import Progress
from fromscratch.sources.alpine.options import AlpineOptions, listed, parse_repository
from fromscratch.sources.alpine.plan import PlannedIndex
from fromscratch.sources.contract import Context

_INDEX = "APKINDEX.tar.gz"
_INDEXES_OF_VERSION_3 = ("Packages.adb", "packages.adb")
_NEWEST = "alpine-newest"
_LOOKS = 8
_PATIENCE = 0.2
_MOST_KEYS = 1000
_LARGEST_INDEX = 256 << 20
_LARGEST_KEY = 1 << 16


class Repository(Struct, frozen=True):
    """`address` is that of the folder for one architecture."""

    address: Address
    tag: str = ""


class Seen(Struct, frozen=True):
    """A repository's index as it is now."""

    repository: Repository
    digest: Digest

    @property
    def what(self) -> str:
        return f"the index at {self.repository.address}"


class Index(Struct, frozen=True):
    """A verified index, and its packages."""

    planned: PlannedIndex
    packages: tuple[Package, ...]


def repositories(options: AlpineOptions, context: Context, architecture: str, machine: Path) -> list[Repository]:
    """Every repository that the recipe means, or else this machine's own apk. Raises ImageError if there is none."""
    lines = options.repositories or apk.repositories(machine)
    if not lines:
        raise ImageError(
            f"{context.place}: no repository is known: the recipe names none, and this machine has no /etc/apk",
            "write the address of a mirror that you trust, as in  repositories: [https://HOST/alpine/v3.20/main]",
        )
    found = []
    for line in lines:
        try:
            tag, place = parse_repository(line)
        except ValueError as error:
            raise UsageError(f"{context.place}: {error}") from error
        if "://" not in place:
            place = f"file://{lookup.folder(context.folder, place, 'repositories')}"
        found.append(Repository(Address(place.rstrip("/")) / architecture, tag))
    return list(dict.fromkeys(found))


def look(store: Store, found: Sequence[Repository], progress: Progress) -> list[Seen]:
    """The present index of each repository. Raises DownloadError."""
    # A question on its way cannot be called back: its thread ends with the program.
    return threads.each(found, lambda one: _look(store, one, progress), _LOOKS, lambda: None, _PATIENCE)


def _look(store: Store, repository: Repository, progress: Progress) -> Seen:
    digest = refresh(store, repository.address / _INDEX, progress, missing_ok=True)
    if digest is None:
        for name in _INDEXES_OF_VERSION_3:
            if refresh(store, repository.address / name, progress, missing_ok=True) is not None:
                raise FormatError(
                    f"the index at {repository.address} is of version 3 of apk's formats ({name}), "
                    "which is not read yet",
                    "take a repository with files of version 2, as Alpine's own releases have them",
                )
        raise DownloadError(
            f"there is no {_INDEX} at {repository.address}",
            "see whether the address is right (it is that of the folder above those of the architectures), and "
            "whether the repository has this architecture",
        )
    return Seen(repository, digest)


def keys(store: Store, options: AlpineOptions, context: Context, machine: Path) -> dict[str, bytes]:
    """The public keys by the names of their files. Uses the network for those at addresses. Raises ImageError."""
    if options.unsigned:
        return {}
    places = listed(options.keys)
    if not places:
        return {path.name: path.read_bytes() for folder in apk.key_folders(machine) for path in _files(folder)}
    found: dict[str, bytes] = {}
    for place in places:
        if "://" in place:
            address = Address(place)
            digest = refresh(store, address, context.progress)
            found[address.title] = store.read(digest) if digest else b""
            continue
        path = context.folder.absolute() / lookup.expanded(place)
        if path.is_dir():
            found |= {file.name: file.read_bytes() for file in _files(path)}
        else:
            file = lookup.file(context.folder, place, "keys")
            found[file.name] = file.read_bytes()
    if not found:
        raise UsageError(
            f"{context.place}: keys: there is no file with a public key in {', '.join(places)}",
            "put the keys of the repository's signers there, each in a file NAME.rsa.pub that has the name in the "
            "signature",
        )
    return found


def _files(folder: Path) -> list[Path]:
    files = (path for path in sorted(folder.iterdir()) if path.suffix == ".pub" and path.is_file())
    return [path for path in files if path.stat().st_size <= _LARGEST_KEY][:_MOST_KEYS]


def trust(known: Mapping[str, bytes], options: AlpineOptions) -> str:
    """A text that changes with the keys; empty when no signature is looked at."""
    joined = b"".join(name.encode() + b"\0" + known[name] + b"\0" for name in sorted(known))
    return "" if options.unsigned else str(Digest.of(joined))


def read_index(store: Store, seen: Seen, known: Mapping[str, bytes], options: AlpineOptions) -> Index:
    """What an index lists, its signature verified unless it is taken unsigned. Raises IntegrityError, FormatError."""
    path = store.path(seen.digest)
    segments = first_segments(path, seen.what, 2, limit=_LARGEST_INDEX)
    if not options.unsigned:
        check_signature(path, segments[0], known, seen.what)
    content = segments[-1].files.get("APKINDEX") if segments else None
    if content is None:
        raise FormatError(f"{seen.what} has no APKINDEX in it", "see whether the address is that of a repository")
    packages = tuple(parse_index(content.decode("utf-8", "surrogateescape"), seen.what))
    built = max((int(one.built) for one in packages if one.built.isdigit() and len(one.built) < 12), default=0)
    planned = PlannedIndex(
        address=str(seen.repository.address),
        digest=str(seen.digest),
        tag=seen.repository.tag,
        trust=trust(known, options),
        date=segments[-1].modified or built,
    )
    return Index(planned, packages)


def check_age(store: Store, seen: Seen, planned: PlannedIndex, options: AlpineOptions, now: float) -> None:
    """Raises IntegrityError for an index older than one that was fetched before, and remembers the newest.

    An unsigned index proves nothing.
    """
    if not planned.trust or not planned.date:
        return
    key = seen.repository.address.key
    if not options.older:
        newest_index.check(store, _NEWEST, key, seen.what, planned.date)
    newest_index.remember(store, _NEWEST, key, planned.date, now)

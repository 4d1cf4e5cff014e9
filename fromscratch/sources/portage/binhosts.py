"""Binary packages of others: the index of a binary package host (binhost), and the packages that fit a plan."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import FormatError, IntegrityError
from fromscratch.host.http.download import FileRequest, download, refresh
from fromscratch.host.storage.store import Store
from fromscratch.lazy_regex import lazy_regex
from fromscratch.progress import Progress
from fromscratch.sources.portage.plan import PlannedPackage

_INDEX = "Packages"
_NUMBER = lazy_regex(r"[0-9]{1,18}")
_MOST = 256 << 20  # bytes of an index; Gentoo's own has some 20 million


class Offer(Struct, frozen=True, kw_only=True):
    """A binary package of an index; `hashes` are of its file, by the names that the index uses."""

    cpv: str
    repository: str
    use: frozenset[str]
    path: str
    size: int
    hashes: dict[str, str]
    built: int = 0


def parse(text: str, title: str) -> Iterator[Offer]:
    """The packages of an index: stanzas of NAME: VALUE, of which the first is about the index. Raises FormatError."""
    for stanza in text.split("\n\n")[1:]:
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        if "CPV" not in fields:
            continue
        path = fields.get("PATH", "")
        if not path or path.startswith("/") or ".." in path.split("/") or "://" in path:
            raise FormatError(f"{title}: {fields['CPV']} has the path {path!r}", "make the index anew")
        if not all(map(_NUMBER.fullmatch, (fields.get("SIZE", ""), fields.get("BUILD_TIME", "0")))):
            raise FormatError(f"{title}: {fields['CPV']} has no size or no time", "make the index anew")
        yield Offer(
            cpv=fields["CPV"],
            repository=fields.get("REPO", ""),
            use=frozenset(fields.get("USE", "").split()),
            path=path,
            size=int(fields["SIZE"]),
            hashes={name: fields[name].lower() for name in ("SHA512", "SHA256", "SHA1", "MD5") if name in fields},
            built=int(fields.get("BUILD_TIME", "0")),
        )


def fitting(package: PlannedPackage, offers: Iterable[Offer]) -> Offer | None:
    """The newest of the offers that is this version of the package with these USE flags."""
    flags = set(package.flags)
    found = [
        each
        for each in offers
        if each.cpv == package.cpv
        and each.repository in ("", package.repository)
        and each.use & flags == set(package.use) & flags
    ]
    return max(found, key=lambda each: each.built, default=None)


def fetch(
    store: Store, hosts: Sequence[str], packages: Sequence[PlannedPackage], progress: Progress, jobs: int
) -> dict[str, str]:
    """Bring the binary packages that fit; the answer are their digests, by CATEGORY/PACKAGE-VERSION.

    Of two hosts the first has precedence. Raises DownloadError, IntegrityError, FormatError.
    """
    chosen: dict[str, tuple[Address, Offer]] = {}
    for host in map(Address, hosts):
        offers = _offers(store, host, progress)
        for package in packages:
            offer = fitting(package, offers.get(package.cpv, ()))
            if offer is not None and package.in_target:
                chosen.setdefault(package.cpv, (host / offer.path, offer))
    requests = [FileRequest(title=cpv, urls=(url,), size=one.size) for cpv, (url, one) in chosen.items()]
    digests = download(store, requests, progress, jobs)
    for (cpv, (_, offer)), digest in zip(chosen.items(), digests, strict=True):
        _verify(store, digest, offer, cpv)
    return {cpv: str(digest) for cpv, digest in zip(chosen, digests, strict=True)}


def _offers(store: Store, host: Address, progress: Progress) -> Mapping[str, list[Offer]]:
    address = host / _INDEX
    [digest] = filter(None, [refresh(store, address, progress)])
    with store.open(digest) as stream:
        raw = stream.read(_MOST + 1)
    if len(raw) > _MOST:
        raise FormatError(f"{address} is larger than any index of packages", "see whether the address is right")
    found: dict[str, list[Offer]] = {}
    for each in parse(raw.decode("utf-8", "replace"), str(address)):
        found.setdefault(each.cpv, []).append(each)
    return found


def _verify(store: Store, digest: Digest, offer: Offer, cpv: str) -> None:
    """Hold a file to the hashes of its index, which is as much as a host promises."""
    hashers = {name: hashlib.new(name.lower(), usedforsecurity=False) for name in offer.hashes}
    with store.open(digest) as stream:
        while piece := stream.read(CHUNK):
            for hasher in hashers.values():
                hasher.update(piece)
    wrong = [name for name, hasher in hashers.items() if hasher.hexdigest() != offer.hashes[name]]
    if wrong or not hashers:
        raise IntegrityError(
            f"the binary package {cpv} has not the {' and '.join(wrong) or 'hash'} of its index",
            "the host may be renewing its packages: run it again, or leave it out of binhosts:",
        )

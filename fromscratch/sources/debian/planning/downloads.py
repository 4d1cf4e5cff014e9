"""Which files a plan needs that the store does not have, and where they can be had."""

from collections.abc import Iterator, Sequence

from fromscratch.digest import Digest
from fromscratch.host.http.download import FileRequest
from fromscratch.host.storage.store import Store
from fromscratch.sources.debian.planning.archives import Seen
from fromscratch.sources.debian.planning.plan import Plan


def missing_files(store: Store, plan: Plan, seen: Sequence[Seen]) -> Iterator[FileRequest]:
    """A request for each package that is missing: where its index was found, then at the archive's other addresses."""
    homes = {str(one.address): one for one in seen}
    for package in plan.missing(store):
        home = next(address for address in homes if package.address.startswith(f"{address}/"))
        filename = package.address[len(home) + 1 :]
        bases = dict.fromkeys((homes[home].address, *homes[home].archive.addresses))
        yield FileRequest(
            title=package.shown,
            urls=tuple(base / filename for base in bases),
            digest=Digest.parse(package.digest),
            size=package.size,
        )

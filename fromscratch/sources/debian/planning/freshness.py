"""Whether an index is of its time: not expired, not of the future, and not older than one that was seen before.

A signature stays right for ever, so who stands between us and the mirror can show an old index, whose packages have
holes that are fixed since. apt keeps the newer one: `Acquire::Max-FutureTime` and "Date" in apt-secure(8).
"""

from collections.abc import Sequence

from fromscratch.errors import IntegrityError
from fromscratch.host.storage import newest_index
from fromscratch.host.storage.store import Store
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.planning.archives import Archive
from fromscratch.sources.debian.planning.plan import PlannedArchive

_KIND = "debian-newest"
_AHEAD = 10.0  # seconds that apt allows the clocks to differ


def check(store: Store, archive: Archive, planned: PlannedArchive, options: DebianOptions, now: float) -> None:
    """Raises IntegrityError for an index of another time than the options allow."""
    what = f"the index of {planned.suite} at {planned.address}"
    if _is_expired(planned, now) and not options.expired:
        raise IntegrityError(
            f"{what} has expired: it may be an old one, shown to hide updates",
            "see whether this machine's clock is right; if an old archive is meant, say  expired: true",
        )
    if _is_early(planned, now) and not options.future:
        raise IntegrityError(
            f"{what} is of {newest_index.shown(planned.date or 0)}, which is in the future",
            "see whether this machine's clock is right; if the index is meant, say  future: true",
        )
    if _counts(archive, planned) and not options.older:
        newest_index.check(store, _KIND, _key(archive), what, planned.date)


def is_right(
    store: Store, archives: Sequence[Archive], planned: Sequence[PlannedArchive], options: DebianOptions, now: float
) -> bool:
    """Whether `check` would let all of them pass."""
    try:
        for archive, one in zip(archives, planned, strict=True):
            check(store, archive, one, options, now)
    except IntegrityError:
        return False
    return True


def remember(store: Store, archive: Archive, planned: PlannedArchive, now: float) -> None:
    """Keep the date of a verified index, if it is the newest."""
    if _counts(archive, planned):
        newest_index.remember(store, _KIND, _key(archive), planned.date, now)


def _is_expired(planned: PlannedArchive, now: float) -> bool:
    return planned.expires is not None and planned.expires < now


def _is_early(planned: PlannedArchive, now: float) -> bool:
    return planned.date is not None and planned.date > now + _AHEAD


def _counts(archive: Archive, planned: PlannedArchive) -> bool:
    """Whether its date says which is newer: an unsigned one proves nothing, and a snapshot is of the past."""
    return bool(planned.trust) and not archive.dated


def _key(archive: Archive) -> str:
    """The key of an archive, as in apt: each mirror has its own dates, but the mirrors of one list share them."""
    return " ".join([archive.suite, *(address.key for address in archive.addresses)])

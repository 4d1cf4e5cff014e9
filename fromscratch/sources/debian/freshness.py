"""Whether an index is of its time: not expired, not of the future, and not older than one that was seen before.

A signature stays right for ever, so who stands between us and the mirror can show an old index, whose packages have
holes that are fixed since. apt keeps the newer one: `Acquire::Max-FutureTime` and "Date" in apt-secure(8).
"""

from collections.abc import Sequence

from fromscratch.errors import IntegrityError
from fromscratch.host.storage.store import Store
from fromscratch.sources.debian.archives import Archive
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.plan import PlannedArchive

_KIND = "debian-newest"
_AHEAD = 10.0  # seconds that apt allows the clocks to differ
_MEANT = "the mirror lags behind, or shows an old index to hide updates: run it again later, or use another mirror; "


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
            f"{what} is of {_date(planned.date)}, which is in the future",
            "see whether this machine's clock is right; if the index is meant, say  future: true",
        )
    if _is_older(store, archive, planned) and not options.older:
        raise IntegrityError(
            f"{what} is of {_date(planned.date)}, and thus older than the one of "
            f"{_date(_newest(store, archive))} that was fetched before",
            f"{_MEANT}if the old one is meant, say  older: true",
        )


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
    """Keep the date of a verified index, if it is the newest. One of the future would shut out all that are right."""
    if planned.date is None or not planned.trust or archive.dated or planned.date > now:
        return
    newest = _newest(store, archive)
    if newest is None or planned.date > newest:
        store.write_record(_KIND, _key(archive), str(planned.date).encode())


def _is_expired(planned: PlannedArchive, now: float) -> bool:
    return planned.expires is not None and planned.expires < now


def _is_early(planned: PlannedArchive, now: float) -> bool:
    return planned.date is not None and planned.date > now + _AHEAD


def _is_older(store: Store, archive: Archive, planned: PlannedArchive) -> bool:
    """Whether it is older than the newest one seen.

    False for a snapshot of the past, and for an unsigned index, whose date proves nothing.
    """
    if planned.date is None or not planned.trust or archive.dated:
        return False
    newest = _newest(store, archive)
    return newest is not None and planned.date < newest


def _newest(store: Store, archive: Archive) -> float | None:
    try:
        return float(store.record(_KIND, _key(archive)) or b"")
    except ValueError:
        return None


def _key(archive: Archive) -> str:
    """The key of an archive, as in apt: each mirror has its own dates, but the mirrors of one list share them."""
    return " ".join([archive.suite, *(address.key for address in archive.addresses)])


def _date(moment: float | None) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment or 0, UTC).strftime("%Y-%m-%d %H:%M UTC")

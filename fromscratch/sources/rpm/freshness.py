"""Whether the index of a repository is older than one that was seen before: it may be shown to hide updates."""

from fromscratch.errors import IntegrityError
from fromscratch.host.storage.store import Store

_KIND = "rpm-newest"


def check(store: Store, key: str, what: str, date: float | None) -> None:
    """Raises IntegrityError for an index that is older than the newest that was seen of this repository."""
    newest = _newest(store, key)
    if date is not None and newest is not None and date < newest:
        raise IntegrityError(
            f"{what} is of {_shown(date)}, and thus older than the one of {_shown(newest)} that was fetched before",
            "the mirror lags behind, or shows an old index to hide updates: run it again later, or use another mirror; "
            "if the old one is meant, say  older: true",
        )


def remember(store: Store, key: str, date: float | None, now: float) -> None:
    """Keep the date of an index, if it is the newest. One of the future would shut out all that are right."""
    newest = _newest(store, key)
    if date is not None and date <= now and (newest is None or date > newest):
        store.write_record(_KIND, key, str(date).encode())


def _newest(store: Store, key: str) -> float | None:
    try:
        return float(store.record(_KIND, key) or b"")
    except ValueError:
        return None


def _shown(moment: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")

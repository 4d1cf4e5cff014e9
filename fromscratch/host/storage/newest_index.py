"""The newest date that the index of a repository was seen with.

A signature stays right for ever, so who stands between us and the mirror can show an old index, whose packages have
holes that are fixed since.
"""

from fromscratch.errors import IntegrityError
from fromscratch.host.storage.store import Store


def check(store: Store, kind: str, key: str, what: str, date: float | None) -> None:
    """Raises IntegrityError for an index that is older than the newest one seen under this key.

    `kind` is that of the store's records, `date` in seconds since 1970; an index without one is of no age.
    """
    newest = _newest(store, kind, key)
    if date is not None and newest is not None and date < newest:
        raise IntegrityError(
            f"{what} is of {shown(date)}, and thus older than the one of {shown(newest)} that was fetched before",
            "the mirror lags behind, or shows an old index to hide updates: run it again later, or use another mirror; "
            "if the old one is meant, say  older: true",
        )


def remember(store: Store, kind: str, key: str, date: float | None, now: float) -> None:
    """Keep the date of an index, if it is the newest. One of the future would shut out all that are right."""
    newest = _newest(store, kind, key)
    if date is not None and date <= now and (newest is None or date > newest):
        store.write_record(kind, key, str(date).encode())


def shown(moment: float) -> str:
    """The date as messages have it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _newest(store: Store, kind: str, key: str) -> float | None:
    try:
        return float(store.record(kind, key) or b"")
    except ValueError:
        return None

"""Downloads into the store: in parallel, resumed, verified, and told in words when they fail.

`download` brings files that never change, known by their digest (or by an address that someone
signs for); `refresh` brings documents that do change, such as a signed index.
"""

import threading
from collections.abc import Sequence
from contextlib import ExitStack

from fromscratch.digest import Digest
from fromscratch.host import crew, web
from fromscratch.host.store import Store
from fromscratch.host.transfer import Transfer
from fromscratch.host.wanted import PATIENCE, Missing, Patience, Wanted
from fromscratch.progress import SILENT, Progress, Task

__all__ = ["PATIENCE", "Missing", "Patience", "Wanted", "download", "refresh"]

_OWN_BAR = 16 << 20


def download(
    store: Store,
    wanted: Sequence[Wanted],
    progress: Progress = SILENT,
    jobs: int = 4,
    *,
    patience: Patience = PATIENCE,
) -> list[Digest]:
    """Bring all of them into the store, `jobs` at a time; the answer has their digests, in the same order.

    What the store has already is not asked for again. What a killed run, or another process at work
    on the same file, has brought so far is kept and gone on with. Raises DownloadError,
    IntegrityError (both digests named, nothing good lost), or ImageError when the disk refuses;
    after the first failure, and on Ctrl-C, the others stop and keep what they have.
    """
    present = {one.key: one.digest for one in wanted if one.digest and store.has(one.digest)}
    missing = {one.key: one for one in wanted if one.key not in present}
    digests = {**present, **(_bring(store, list(missing.values()), progress, jobs, patience) if missing else {})}
    return [digests[one.key] for one in wanted]


def refresh(
    store: Store,
    url: str,
    progress: Progress = SILENT,
    *,
    missing_ok: bool = False,
    patience: Patience = PATIENCE,
) -> Digest | None:
    """The digest of the present bytes of a document that changes upstream; they are in the store.

    A server that says that nothing has changed since last time is believed. None if the server has
    no such file and `missing_ok` allows it. Raises DownloadError, ImageError.
    """
    shown = web.public(url)
    document = Wanted(title=shown.rpartition("/")[2] or shown, urls=(url,))
    try:
        [digest] = download(store, [document], progress, 1, patience=patience)
    except Missing:
        if missing_ok:
            return None
        raise
    return digest


def _bring(
    store: Store, missing: Sequence[Wanted], progress: Progress, jobs: int, patience: Patience
) -> dict[str, Digest]:
    store.tidy()
    stop = threading.Event()
    sizes = {one.key: one.size for one in missing}
    title = missing[0].title if len(missing) == 1 else f"downloading {len(missing)} files"
    with _Sessions(patience.timeouts) as sessions, progress.task(title, total=_sum(sizes)) as whole:
        meter = _Meter(whole, sizes)

        def bring(one: Wanted) -> Digest:
            with ExitStack() as stack:
                large = len(missing) > 1 and (one.size or 0) >= _OWN_BAR
                own = stack.enter_context(progress.task(one.title, total=one.size)) if large else None
                return Transfer(store, one, sessions.mine, _Watch(meter, one, own), patience, stop).bring()

        def end() -> None:
            stop.set()
            sessions.abort()

        found = crew.each(missing, bring, max(1, jobs), end)
    return {one.key: digest for one, digest in zip(missing, found, strict=True)}


def _sum(sizes: dict[str, int | None]) -> int | None:
    known = [size for size in sizes.values() if size is not None]
    return sum(known) if len(known) == len(sizes) else None


class _Sessions:
    """One session a thread, made when it first asks."""

    def __init__(self, timeouts: web.Timeouts) -> None:
        self._timeouts = timeouts
        self._mine = threading.local()
        self._all: list[web.Session] = []

    def __enter__(self) -> "_Sessions":
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._all:
            session.close()

    def mine(self) -> web.Session:
        if not hasattr(self._mine, "session"):
            self._mine.session = web.Session(self._timeouts)
            self._all.append(self._mine.session)
        session: web.Session = self._mine.session
        return session

    def abort(self) -> None:
        for session in self._all:
            session.abort()


class _Meter:
    """Adds up many files for one bar, whose total is told as soon as every file's is known."""

    def __init__(self, task: Task, sizes: dict[str, int | None]) -> None:
        self._task = task
        self._sizes = sizes
        self._lock = threading.Lock()

    def expect(self, key: str, size: int) -> None:
        with self._lock:
            if self._sizes[key] == size:
                return
            self._sizes[key] = size
            total = _sum(self._sizes)
        if total is not None:
            self._task.expect(total)

    def advance(self, amount: int) -> None:
        self._task.advance(amount)

    def describe(self, text: str) -> None:
        self._task.describe(text)


class _Watch:
    """One file's share in the bar of all, and its own bar if it has one."""

    def __init__(self, meter: _Meter, one: Wanted, own: Task | None) -> None:
        self._meter = meter
        self._one = one
        self._own = own
        self._furthest = 0

    def expect(self, total: int) -> None:
        self._meter.expect(self._one.key, total)
        if self._own:
            self._own.expect(total)

    def reach(self, position: int) -> None:
        # A file that starts anew stands still on the bar until it is where it was.
        new = position - self._furthest
        if new <= 0:
            return
        if not self._furthest:
            self._meter.describe(self._one.title)
        self._furthest = position
        self._meter.advance(new)
        if self._own:
            self._own.advance(new)

    def say(self, text: str) -> None:
        self._meter.describe(f"{self._one.title}: {text}")

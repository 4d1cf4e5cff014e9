"""Downloads into the store: in parallel, resumed, verified, and retried.

`download` fetches files that never change, known by their digest (or verified by a signature afterwards);
`refresh` fetches documents that do change, such as a signed index.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.host.http import logins
from fromscratch.host.http import session as web
from fromscratch.host.http.progress import OWN_BAR, FileProgress, TotalProgress, known_sum
from fromscratch.host.http.request import PATIENCE, FileRequest, Missing, Patience
from fromscratch.host.http.transfer import Transfer
from fromscratch.host.process import threads
from fromscratch.host.storage.store import Store
from fromscratch.progress import SILENT, Progress

__all__ = ["PATIENCE", "FileRequest", "Missing", "Patience", "download", "refresh"]

Connect = Callable[[web.Timeouts], web.Session]


def download(
    store: Store,
    requests: Sequence[FileRequest],
    progress: Progress = SILENT,
    jobs: int = 4,
    *,
    patience: Patience = PATIENCE,
    connect: Connect = logins.session,
) -> list[Digest]:
    """Fetch all of these files into the store, `jobs` at a time; the answer has their digests, in the same order.

    What the store has is not requested again. A partial file of a killed run, or of another process, is
    resumed. Raises DownloadError, IntegrityError (it names both digests; no valid file is lost), or
    ImageError when the disk refuses. After the first failure, and on Ctrl-C, the other downloads stop and
    keep their partial files. `connect` makes the session of each thread.
    """
    present = {one.key: one.digest for one in requests if one.digest and store.has(one.digest)}
    missing = {one.key: one for one in requests if one.key not in present}
    fetched = _fetch(store, list(missing.values()), progress, jobs, patience, connect) if missing else {}
    digests = {**present, **fetched}
    return [digests[one.key] for one in requests]


def refresh(
    store: Store,
    address: Address | str,
    progress: Progress = SILENT,
    *,
    missing_ok: bool = False,
    patience: Patience = PATIENCE,
    connect: Connect = logins.session,
) -> Digest | None:
    """Fetch the current version of a document that changes upstream into the store; the answer is its digest.

    A server that says that nothing has changed since last time is believed. None if the server has
    no such file and `missing_ok` allows it. Raises DownloadError, ImageError.
    """
    address = Address(address) if isinstance(address, str) else address
    document = FileRequest(title=address.title, urls=(address,))
    try:
        [digest] = download(store, [document], progress, 1, patience=patience, connect=connect)
    except Missing:
        if missing_ok:
            return None
        raise
    return digest


def _fetch(
    store: Store,
    missing: Sequence[FileRequest],
    progress: Progress,
    jobs: int,
    patience: Patience,
    connect: Connect,
) -> dict[str, Digest]:
    stop = threading.Event()
    title = missing[0].title if len(missing) == 1 else f"downloading {len(missing)} files"
    sizes = {one.key: one.size for one in missing}
    with (
        web.PerThread(partial(connect, patience.timeouts)) as sessions,
        progress.task(title, total=known_sum(sizes)) as whole,
    ):
        total_progress = TotalProgress(whole, sizes)

        def fetch(one: FileRequest) -> Digest:
            with ExitStack() as stack:
                large = len(missing) > 1 and (one.size or 0) >= OWN_BAR
                own_bar = stack.enter_context(progress.task(one.title, total=one.size)) if large else None
                share = FileProgress(total_progress, one.key, one.title, own_bar)
                return Transfer(store, one, sessions.of_this_thread, share, patience, stop).run()

        def end() -> None:
            stop.set()
            sessions.abort()

        found = threads.each(missing, fetch, max(1, jobs), end)
    return {one.key: digest for one, digest in zip(missing, found, strict=True)}

"""Downloads into the store: in parallel, resumed, verified, and told in words when they fail.

`download` brings files that never change, known by their digest (or by an address that someone
signs for); `refresh` brings documents that do change, such as a signed index.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from fromscratch.address import Address
from fromscratch.digest import Digest
from fromscratch.host.http import logins
from fromscratch.host.http import session as web
from fromscratch.host.http.progress import OWN_BAR, Meter, Share, known_sum
from fromscratch.host.http.request import PATIENCE, Missing, Patience, Wanted
from fromscratch.host.http.transfer import Transfer
from fromscratch.host.process import threads
from fromscratch.host.storage.store import Store
from fromscratch.progress import SILENT, Progress

__all__ = ["PATIENCE", "Missing", "Patience", "Wanted", "download", "refresh"]

Connect = Callable[[web.Timeouts], web.Session]


def download(
    store: Store,
    wanted: Sequence[Wanted],
    progress: Progress = SILENT,
    jobs: int = 4,
    *,
    patience: Patience = PATIENCE,
    connect: Connect = logins.session,
) -> list[Digest]:
    """Bring all of them into the store, `jobs` at a time; the answer has their digests, in the same order.

    What the store has already is not asked for again. What a killed run, or another process at work
    on the same file, has brought so far is kept and gone on with. Raises DownloadError,
    IntegrityError (both digests named, nothing good lost), or ImageError when the disk refuses;
    after the first failure, and on Ctrl-C, the others stop and keep what they have. `connect` makes
    the session of each thread.
    """
    present = {one.key: one.digest for one in wanted if one.digest and store.has(one.digest)}
    missing = {one.key: one for one in wanted if one.key not in present}
    brought = _bring(store, list(missing.values()), progress, jobs, patience, connect) if missing else {}
    digests = {**present, **brought}
    return [digests[one.key] for one in wanted]


def refresh(
    store: Store,
    address: Address | str,
    progress: Progress = SILENT,
    *,
    missing_ok: bool = False,
    patience: Patience = PATIENCE,
    connect: Connect = logins.session,
) -> Digest | None:
    """The digest of the present bytes of a document that changes upstream; they are in the store.

    A server that says that nothing has changed since last time is believed. None if the server has
    no such file and `missing_ok` allows it. Raises DownloadError, ImageError.
    """
    address = Address(address) if isinstance(address, str) else address
    document = Wanted(title=address.title, urls=(address,))
    try:
        [digest] = download(store, [document], progress, 1, patience=patience, connect=connect)
    except Missing:
        if missing_ok:
            return None
        raise
    return digest


def _bring(
    store: Store,
    missing: Sequence[Wanted],
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
        meter = Meter(whole, sizes)

        def bring(one: Wanted) -> Digest:
            with ExitStack() as stack:
                large = len(missing) > 1 and (one.size or 0) >= OWN_BAR
                own = stack.enter_context(progress.task(one.title, total=one.size)) if large else None
                share = Share(meter, one.key, one.title, own)
                return Transfer(store, one, sessions.mine, share, patience, stop).bring()

        def end() -> None:
            stop.set()
            sessions.abort()

        found = threads.each(missing, bring, max(1, jobs), end)
    return {one.key: digest for one, digest in zip(missing, found, strict=True)}

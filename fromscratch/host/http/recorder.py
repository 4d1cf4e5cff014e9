"""A server on this machine that fetches from mirrors what programs ask of it, and notes what that was.

A program that is told to use it in place of its mirrors leaves everything that it needs in the store, whoever verifies
it; laid out in a folder again, that is a mirror for the same program without a network.
"""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from shutil import copyfileobj
from types import TracebackType
from typing import cast

from fromscratch.address import Address
from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import ImageError, UnsafePath
from fromscratch.host.http import logins
from fromscratch.host.http import session as web
from fromscratch.host.http.download import PATIENCE, FileRequest, Missing, download
from fromscratch.host.storage.store import Store
from fromscratch.paths import tree_path
from fromscratch.progress import SILENT, Progress, Task

_POLL = 0.02


class Recorder:
    """A server of several mirrors, each by a name, at `address` of that name for the time of a `with` block.

    `files` is what was asked for and there: NAME/PATH, and its digest. What is `known` and in the store is given
    without asking: files that never change under their name, such as packages. `failure` is the first error that was
    not that a mirror lacks a file.
    """

    def __init__(
        self,
        store: Store,
        mirrors: Mapping[str, Address],
        title: str,
        progress: Progress = SILENT,
        *,
        known: Mapping[str, Digest] = {},
    ) -> None:
        self._store, self._mirrors, self._known = store, mirrors, known
        self._lock = threading.Lock()
        self._task = progress.task(title, unit="files")
        self._report: Task | None = None
        self.files: dict[str, Digest] = {}
        self.failure: ImageError | None = None

    def __enter__(self) -> "Recorder":
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True)
        self._thread.start()
        self._report = self._task.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.__exit__(kind, error, trace)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def address(self, name: str) -> str:
        """Where the mirror of that name is, as programs are told."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def fetched(self, quoted: str, session: web.Session) -> Digest | None:
        """The file at NAME/PATH, quoted as in an address; None if there is none. Raises ImageError."""
        from urllib.parse import unquote

        name, _, rest = quoted.partition("/")
        mirror = self._mirrors.get(name)
        try:
            place = tree_path(unquote(quoted))
        except UnsafePath:  # it would lie outside of the mirror
            return None
        if mirror is None or not rest:
            return None
        request = FileRequest(title=unquote(rest).rpartition("/")[2], urls=(mirror / rest,))
        known = self._known.get(place[1:])
        try:
            if known is not None and self._store.has(known):
                digest = known
            else:
                [digest] = download(self._store, [request], jobs=1, connect=lambda _: session)
        except Missing:
            return None
        except ImageError as error:
            with self._lock:
                self.failure = self.failure or error
            raise
        with self._lock:
            self.files[place[1:]] = digest
            if self._report is not None:
                self._report.advance(1)
                self._report.describe(request.title)
        return digest

    def copy(self, digest: Digest, handler: BaseHTTPRequestHandler) -> None:
        """Send a file."""
        handler.send_header("Content-Length", str(self._store.path(digest).stat().st_size))
        handler.end_headers()
        if handler.command == "GET":
            with self._store.open(digest) as stream:
                copyfileobj(stream, handler.wfile, CHUNK)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(("127.0.0.1", 0), _Handler)


class _KeptSession(web.Session):
    """A session that stays open from one request of a program to the next."""

    def close(self) -> None: ...

    def end(self) -> None:
        super().close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a program, with one to each server that it asks for the files of."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self._session = _KeptSession(PATIENCE.timeouts, logins.authorization)

    def finish(self) -> None:
        super().finish()
        self._session.end()

    def do_GET(self) -> None:
        recorder = cast(_Server, self.server).recorder
        try:
            digest = recorder.fetched(self.path.partition("?")[0].lstrip("/"), self._session)
        except ImageError:
            self._refuse(502)
            return
        if digest is None:
            self._refuse(404)
            return
        self.send_response(200)
        recorder.copy(digest, self)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...

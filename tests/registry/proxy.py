"""A reverse proxy on loopback, in front of a real registry, that keeps what it was asked and spoils what it is told to.

A rule names requests by method and path and says what is done to which of them:

    proxy.rule("PATCH", "/blobs/uploads/", faults.status(503), times=2)

What no rule names passes as it is. The faults are in `faults`.
"""

import http.client
import http.server
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from tests.registry.authority import Pair

PIECE = 1 << 16
_PATIENCE = 30.0
# RFC 9110, 7.6.1; a request is told on with the body's own length, or in chunks where it came so.
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_STATE = re.compile(r"(?<=[?&]_state=)[^&]*")


@dataclass
class Seen:
    """A request that came, and when. `received` and `sent` count the bytes of both bodies, `status` is our answer's."""

    method: str
    path: str
    headers: Message
    received: int = 0
    sent: int = 0
    status: int | None = None
    at: float = field(default_factory=time.monotonic)


# A header may come several times: RFC 9110, 5.3.
Headers = list[tuple[str, str]]


class Gone(OSError):
    """The other side went away, or we hang up."""


Action = Callable[["Exchange"], None]


@dataclass
class Rule:
    """`after` matching requests pass; the next `times` ones (None: all) get the action."""

    method: str
    path: str
    action: Action
    after: int = 0
    times: int | None = 1
    met: int = 0

    def meets(self, seen: Seen) -> bool:
        """Whether this request gets the action; counts it if it is one of ours."""
        if not re.fullmatch(self.method, seen.method) or not re.search(self.path, seen.path):
            return False
        if self.times is not None and self.met >= self.after + self.times:
            return False
        self.met += 1
        return self.met > self.after


@dataclass
class Gate:
    """Where something is held: `arrived` is set when it is there, and it goes on when `released` is.

    One that nobody releases opens by itself at last, and is `released` then: a test that waited for that can tell.
    """

    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def stop_here(self) -> None:
        self.arrived.set()
        self.released.wait(_PATIENCE)
        self.released.set()

    def await_arrival(self) -> None:
        assert self.arrived.wait(_PATIENCE), "nothing came to the gate"


@dataclass
class Proxy:
    """`upstream` is HOST:PORT of the registry; `shown` the Authorization for requests that come without any."""

    upstream: str
    tls: bool = False
    shown: str | None = None
    host: str = ""
    seen: list[Seen] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    """What failed in the proxy itself; it is raised at its end."""
    states: dict[str, str] = field(default_factory=dict)
    """Uploads that went on at the registry without the client's knowledge: the state it knows, and the one that is."""
    _gates: list[Gate] = field(default_factory=list)
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def rule(self, method: str, path: str, action: Action, *, after: int = 0, times: int | None = 1) -> Rule:
        """Regular expressions: `method` for all of the method, `path` for a part of the path and query."""
        rule = Rule(method, path, action, after, times)
        self.rules.append(rule)
        return rule

    def gate(self) -> Gate:
        """A gate that opens at the latest when the proxy ends."""
        gate = Gate()
        self._gates.append(gate)
        return gate

    def requests(self, method: str = ".*", path: str = "") -> list[Seen]:
        with self._lock:
            return [seen for seen in self.seen if re.fullmatch(method, seen.method) and re.search(path, seen.path)]

    def uploaded(self, path: str = "") -> int:
        """The bytes of blobs that clients sent."""
        return sum(seen.received for seen in self.requests("POST|PATCH|PUT", "/blobs/uploads/") if path in seen.path)

    def downloaded(self, path: str = "/blobs/") -> int:
        """The bytes of blobs that clients were sent."""
        return sum(seen.sent for seen in self.requests("GET", path))

    def forget(self) -> None:
        """Begin to count anew; rules stay as they are."""
        with self._lock:
            self.seen.clear()

    def decide(self, seen: Seen) -> Action | None:
        with self._lock:
            self.seen.append(seen)
            return next((rule.action for rule in self.rules if rule.meets(seen)), None)

    def open_gates(self) -> None:
        for gate in self._gates:
            gate.released.set()

    def begins(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def ends(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """Connections that clients keep open for later would keep their threads."""
        with self._lock:
            waiting = list(self._open)
        for connection in waiting:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def await_silence(self) -> None:
        """Wait until the registry is done with all that came from clients that are gone."""
        address, _, port = self.host.rpartition(":")
        # What they sent is taken in before this one is: connections are accepted in the order in which they came.
        with socket.create_connection((address, int(port)), _PATIENCE) as last, suppress(OSError):
            last.sendall(b"\r\n")
            last.shutdown(socket.SHUT_WR)
            last.recv(1)
        end = time.monotonic() + _PATIENCE
        while self._open:
            assert time.monotonic() < end, "a client is still there, or the registry does not come to an end"
            time.sleep(0.01)


class Exchange:
    """One request and its answer, while they pass."""

    def __init__(self, handler: "_Handler", seen: Seen) -> None:
        self.seen = seen
        self.proxy = handler.proxy
        self._handler = handler
        self._chunked = "chunked" in (handler.headers["Transfer-Encoding"] or "").lower()
        self._left = int(handler.headers["Content-Length"] or 0)
        self._done = not self._chunked and self._left == 0

    def body(self, limit: int | None = None) -> Iterator[bytes]:
        """The pieces of the request's body, or of its first `limit` bytes. Raises Gone if the client goes."""
        while not self._done and (limit is None or limit > 0):
            piece = self._piece(PIECE if limit is None else min(limit, PIECE))
            if piece:
                self.seen.received += len(piece)
                limit = None if limit is None else limit - len(piece)
                yield piece

    def _piece(self, most: int) -> bytes:
        source = self._handler.rfile
        if self._chunked and not self._left:
            self._left = int(source.readline(100).partition(b";")[0] or b"0", 16)
            if not self._left:
                source.readline(100)
                self._done = True
                return b""
        piece = source.read1(min(most, self._left))
        if not piece:
            raise Gone("the client went away")
        self._left -= len(piece)
        if self._chunked and not self._left:
            source.readline(10)
        self._done = not self._chunked and not self._left
        return piece

    def drain(self) -> None:
        for _ in self.body():
            pass

    @contextmanager
    def asked(
        self,
        *,
        body: Iterable[bytes] | None = None,
        whole: bytes | None = None,
        method: str = "",
        path: str = "",
        **headers: str | None,
    ) -> Iterator[http.client.HTTPResponse]:
        """The registry's answer to this request.

        `body` is the request's own body as far as it shall come through, `whole` another one in its place. Headers that
        are named here replace those that came, None leaves one out; _ in their names stands for -.
        """
        if whole is not None:
            headers["Content-Length"] = str(len(whole))
            body = [whole]
        sent_headers = self._headers(framed=whole is None, **headers)
        chunked = self._chunked and whole is None
        connection = http.client.HTTPConnection(self.proxy.upstream, timeout=_PATIENCE)
        try:
            target = self._known(path or self.seen.path)
            connection.putrequest(method or self.seen.method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in sent_headers:
                connection.putheader(name, value)
            connection.endheaders()
            try:
                _tell(connection, self.body() if body is None else body, chunked)
            except Gone:
                _await_end(connection)
                raise
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def _headers(self, *, framed: bool, **changes: str | None) -> Headers:
        left_out = (_HOP_BY_HOP - {"transfer-encoding"} if framed else _HOP_BY_HOP) | {"expect"}
        sent_headers = [(name, value) for name, value in self.seen.headers.items() if name.lower() not in left_out]
        if self.proxy.tls:
            sent_headers.append(("X-Forwarded-Proto", "https"))
        if self.proxy.shown and "Authorization" not in self.seen.headers:
            sent_headers.append(("Authorization", self.proxy.shown))
        return changed(sent_headers, changes)

    def _known(self, path: str) -> str:
        """The path with the state that the upload has by now."""
        return _STATE.sub(lambda found: self.proxy.states.get(found[0], found[0]), path)

    def moves_on(self, location: str) -> None:
        """The client's state of the upload stands for that of `location` from now on."""
        before, now = _STATE.search(self.seen.path), _STATE.search(location)
        if before and now:
            self.proxy.states[before[0]] = now[0]

    def relay(
        self, response: http.client.HTTPResponse, body: Iterable[bytes] | None = None, **changes: str | None
    ) -> None:
        """Give the client the registry's answer, with another body or other headers if they are named."""
        unchanged = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
        self.begin(response.status, changed(unchanged, changes))
        if self.seen.method != "HEAD":
            for piece in pieces(response) if body is None else body:
                self.send(piece)

    def begin(self, status: int, headers: Headers) -> None:
        """Status and headers of the answer. Without a length, its end is the end of the connection."""
        handler = self._handler
        self.seen.status = status
        handler.send_response_only(status)
        for name, value in headers:
            handler.send_header(name, value)
        measured = any(name.lower() == "content-length" for name, _ in headers)
        bare = measured or status in (204, 304) or self.seen.method == "HEAD"
        if not self._done or not bare:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()

    def send(self, piece: bytes) -> None:
        # Counted first: who has read the last byte may look at the count before this thread goes on.
        self.seen.sent += len(piece)
        try:
            self._handler.wfile.write(piece)
        except OSError:
            self.seen.sent -= len(piece)
            raise

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """An answer of our own, once the whole request has come. _ in names of headers stand for -."""
        self.drain()
        self.begin(status, changed([("Content-Length", str(len(body)))], headers))
        if self.seen.method != "HEAD":
            self.send(body)

    def hang_up(self, *, reset: bool = False) -> None:
        """End the connection here and now; with `reset` as a machine does that has forgotten it."""
        handler = self._handler
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.rfile.close()
            handler.connection.close()
        else:
            with suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True
        raise Gone("hung up")

    def linger(self) -> None:
        """Say no more, and let what still comes fall on the floor: a close with bytes unread takes the answer back."""
        handler = self._handler
        with suppress(OSError):
            handler.connection.shutdown(socket.SHUT_WR)
            while handler.connection.recv(PIECE):
                pass
        handler.close_connection = True


def _tell(connection: http.client.HTTPConnection, body: Iterable[bytes], chunked: bool) -> None:
    for piece in body:
        try:
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        except OSError:
            return  # the registry has answered before the end, and does not listen any more
    if chunked:
        with suppress(OSError):
            connection.send(b"0\r\n\r\n")


def _await_end(connection: http.client.HTTPConnection) -> None:
    """The registry learns that no more comes, and has put away what came when it hangs up itself."""
    with suppress(OSError):
        connection.sock.shutdown(socket.SHUT_WR)
        while connection.sock.recv(PIECE):
            pass


def pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while piece := response.read1(PIECE):
        yield piece


def changed(headers: Headers, changes: Mapping[str, str | None]) -> Headers:
    """With the named headers instead of those that were there; None leaves one out. _ in names stands for -."""
    additions = [(name.replace("_", "-"), value) for name, value in changes.items()]
    left_out = {name.lower() for name, _ in additions}
    unchanged = [(name, value) for name, value in headers if name.lower() not in left_out]
    return unchanged + [(name, value) for name, value in additions if value is not None]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.request.settimeout(_PATIENCE)
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def _pass(self) -> None:
        seen = Seen(self.command, self.path, self.headers)
        action = self.proxy.decide(seen)
        exchange = Exchange(self, seen)
        if action is not None:
            action(exchange)
            return
        with exchange.asked() as response:
            exchange.relay(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _pass  # noqa: N815  # the base class's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the base class gives it
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # all of them have ended when the proxy has
    request_queue_size = 64

    def __init__(self, handler: type[_Handler], proxy: Proxy, address: str) -> None:
        super().__init__((address, 0), handler)
        self.proxy = proxy

    def process_request(self, request: Any, client_address: Any) -> None:
        self.proxy.begins(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.proxy.ends(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, OSError | http.client.HTTPException):
            self.proxy.broken.append(error)


@contextmanager
def running(
    upstream: str, *, tls: Pair | None = None, shown: str | None = None, address: str = "127.0.0.1"
) -> Iterator[Proxy]:
    """A proxy in front of the registry at HOST:PORT, until the end of the block; by https with a pair."""
    proxy = Proxy(upstream, tls is not None, shown)
    handler = type("ProxyHandler", (_Handler,), {"proxy": proxy})
    with _Server(handler, proxy, address) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.both)
            # A client that breaks the handshake off must not stop those that come after it.
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        proxy.host = f"{address}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.open_gates()
            server.shutdown()
            proxy.hang_up()
            thread.join()
    if proxy.broken:
        raise proxy.broken[0]

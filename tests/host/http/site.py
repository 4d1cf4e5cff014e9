"""A web server on loopback that keeps what it was asked, and that fails in the ways servers and networks do."""

import http.server
import re
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.served import served


@dataclass(frozen=True)
class Asked:
    path: str
    range: str | None
    headers: dict[str, str]


@dataclass
class Site:
    """`files` by path; `faults` are answers used up one by one, `always` an answer instead of the right one."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    modified: dict[str, str] = field(default_factory=dict)
    faults: dict[str, deque["Answer"]] = field(default_factory=dict)
    always: dict[str, "Answer"] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)

    def serve(self, path: str, content: bytes, *faults: "Answer") -> str:
        """The address of `content`, which is given after these faults."""
        self.files[path] = content
        self.faults[path] = deque(faults)
        return self.url + path

    def ranges(self, path: str) -> list[str | None]:
        return [asked.range for asked in self.asked if asked.path == path]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        site = self.site
        site.asked.append(Asked(self.path, self.headers["Range"], dict(self.headers)))
        waiting = site.faults.get(self.path)
        answer = waiting.popleft() if waiting else site.always.get(self.path, right)
        content = site.files.get(self.path)
        (missing if content is None and answer is right else answer)(self, content or b"")

    def begin(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def body(self, data: bytes) -> None:
        # Counted first: who has read the last byte may look at the count before this thread goes on.
        self.site.sent[self.path] += len(data)
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.site.sent[self.path] -= len(data)
            raise

    def tag(self, content: bytes) -> str:
        return f'"{hash(content):x}"'

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the base class gives it
        pass


Answer = Callable[[Handler, bytes], None]


def right(handler: Handler, content: bytes) -> None:
    """As RFC 9110 says, with validators, conditions and single ranges."""
    tag = handler.tag(content)
    headers = {"ETag": tag}
    if handler.path in handler.site.modified:
        headers["Last-Modified"] = handler.site.modified[handler.path]
    if handler.headers["If-None-Match"] == tag:
        handler.begin(304, None, **headers)
        return
    requested = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
    if not requested or handler.headers["If-Range"] not in (None, tag, headers.get("Last-Modified")):
        handler.begin(200, len(content), **headers)
        handler.body(content)
    elif (start := int(requested[1])) >= len(content):
        handler.begin(416, 0, Content_Range=f"bytes */{len(content)}", **headers)
    else:
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.begin(206, len(content) - start, Content_Range=span, **headers)
        handler.body(content[start:])


def missing(handler: Handler, content: bytes) -> None:
    status(404)(handler, content)


def status(code: int, **headers: str) -> Answer:
    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(code, 3, **headers)
        handler.wfile.write(b"no\n")

    return answer


def cut(after: int) -> Answer:
    """The right answer, but the connection ends after so many bytes of the body."""

    def answer(handler: Handler, content: bytes) -> None:
        body = handler.body

        def shortened(data: bytes) -> None:
            body(data[:after])
            handler.close_connection = True

        handler.body = shortened  # type: ignore[method-assign]
        right(handler, content)

    return answer


def held(after: int, release: threading.Event) -> Answer:
    """The right answer, but its body stops after so many bytes until it is released, at last by itself."""

    def answer(handler: Handler, content: bytes) -> None:
        body = handler.body

        def in_two(data: bytes) -> None:
            body(data[:after])
            release.wait(30)
            release.set()
            body(data[after:])

        handler.body = in_two  # type: ignore[method-assign]
        right(handler, content)

    return answer


def ranges_ignored(handler: Handler, content: bytes) -> None:
    handler.begin(200, len(content), ETag=handler.tag(content))
    handler.body(content)


def another_range(handler: Handler, content: bytes) -> None:
    handler.begin(206, len(content) - 1, Content_Range=f"bytes 1-{len(content) - 1}/{len(content)}")
    handler.body(content[1:])


def claims_more(by: int) -> Answer:
    """A Content-Length that the body does not reach."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(200, len(content) + by)
        handler.body(content)
        handler.close_connection = True

    return answer


def cut_without_length(after: int) -> Answer:
    """As old servers do: the end of the connection is the end of the body, or of the server."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(200, None, Connection="close")
        handler.body(content[:after])
        handler.close_connection = True

    return answer


def in_chunks(handler: Handler, content: bytes) -> None:
    handler.begin(200, None, Transfer_Encoding="chunked")
    for start in range(0, len(content), 1000):
        piece = content[start : start + 1000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


def encoded(handler: Handler, content: bytes) -> None:
    """A .gz file as some servers serve it: as if it were something else, compressed for the way."""
    handler.begin(200, len(content), Content_Encoding="gzip")
    handler.body(content)


def instead(data: bytes) -> Answer:
    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(200, len(data))
        handler.body(data)

    return answer


def redirect(target: str, code: int = 302) -> Answer:
    return status(code, Location=target)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that goes away is no fault of a test
            super().handle_error(request, client_address)


@contextmanager
def running(certificate: str | None = None) -> Iterator[Site]:
    """A site that answers until the end of the block; with the path of a certificate and key, by https."""
    site = Site()
    handler = type("SiteHandler", (Handler,), {"site": site})
    server = _Server(("127.0.0.1", 0), handler)
    site.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    with served(server, certificate):
        yield site

"""Requests to real servers of this machine: answers of every kind, and servers that are not ready or not HTTP."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fromscratch.checks.contract import Answer, HttpCheck
from fromscratch.checks.http import MOST, ask_http
from fromscratch.checks.patience import NotYet
from tests.engines import need

Talk = Callable[[socket.socket, bytes], object]


def connect(host: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((host, port), seconds)


@contextmanager
def server(talk: Talk, *, reads: bool = True) -> Iterator[int]:
    """The port of a server that reads one request, and then talks by `talk`; without `reads` by that alone."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        stream, _ = listener.accept()
        with stream:
            talk(stream, stream.recv(1 << 16) if reads else b"")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join()
        listener.close()


def says(*pieces: bytes) -> Talk:
    return lambda stream, _request: stream.sendall(b"".join(pieces))


def asked(port: int, seconds: float = 10, **options: object) -> Answer:
    return ask_http(HttpCheck(url=f"http://127.0.0.1:{port}/a?b", **options), connect, seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("response", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
        (b"HTTP/1.0 404 Not Found\r\n\r\nnot here", 404, b"not here"),
        (b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 301, b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n\xff\0\r\n0\r\n\r\n",
            200,
            b"abc\xff\0",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ],
)
def test_an_answer_has_its_status_and_body(response: bytes, status: int, body: bytes) -> None:
    with server(says(response)) as port:
        assert asked(port) == Answer(status=status, output=body)


def test_a_request_says_what_the_check_says() -> None:
    requests = []

    def talk(stream: socket.socket, request: bytes) -> None:
        while not request.endswith("grün".encode()):
            request += stream.recv(1 << 16)
        requests.append(request)
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(talk) as port:
        asked(port, method="POST", headers={"X-A": "1", "Host": "shop"}, body="grün")
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /a?b HTTP/1.1"
    assert {b"X-A: 1", b"Host: shop", b"Content-Length: 5"} <= set(head.splitlines())
    assert head.count(b"Host:") == 1
    assert body == "grün".encode()


def test_of_a_body_without_end_only_so_much_is_read() -> None:
    def talk(stream: socket.socket, _request: bytes) -> None:
        stream.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                stream.sendall(bytes(1 << 16))

    with server(talk) as port:
        assert len(asked(port).output) == MOST


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_server_that_falls_silent_is_not_waited_for_beyond_the_time(beginning: bytes) -> None:
    over = threading.Event()

    def talk(stream: socket.socket, _request: bytes) -> None:
        stream.sendall(beginning)
        over.wait()

    with server(talk) as port:
        try:
            answer = asked(port, seconds=0.2, timeout=0.2)
        finally:
            over.set()
    assert answer == Answer(problem="there was no answer within 0.2 seconds")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"", "closed the connection without a full answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "closed the connection without a full answer"),
        (b"HTTP/1.1 503 Starting\r\nContent-Length: 0\r\n\r\n", "it answered with status 503"),
    ],
)
def test_a_server_that_may_still_be_starting_is_to_be_asked_again(response: bytes, reason: str) -> None:
    with server(says(response)) as port, pytest.raises(NotYet, match=reason):
        asked(port)


def test_a_port_where_nothing_listens_is_to_be_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotYet, match=f"^port {port} refused the connection$"):
        asked(port)


def test_a_status_of_a_starting_server_may_be_what_is_expected() -> None:
    with server(says(b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n")) as port:
        assert asked(port, status=503) == Answer(status=503)


def test_what_is_not_http_is_said_and_not_asked_again() -> None:
    with server(says(b"220 mail.example ESMTP\r\n")) as port:
        assert f"what answers at port {port} is not HTTP: BadStatusLine 220 mail" in asked(port).problem


def test_a_server_without_tls_is_said() -> None:
    with server(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        answer = ask_http(HttpCheck(url=f"https://127.0.0.1:{port}/"), connect, 10)
    assert answer.problem.startswith(f"there is no TLS at port {port}: ")


def test_the_certificate_of_a_server_is_not_verified(tmp_path: Path) -> None:
    place, key = tmp_path / "both.pem", tmp_path / "key.pem"
    words = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.example", "-days", "1")
    subprocess.run([need("openssl"), *words, "-keyout", key, "-out", place], check=True, capture_output=True)
    place.write_bytes(place.read_bytes() + key.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)

    def talk(stream: socket.socket, request: bytes) -> None:
        with context.wrap_socket(stream, server_side=True) as encrypted:
            assert encrypted.recv(1 << 16).startswith(b"GET / HTTP/1.1\r\n")
            encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    with server(talk, reads=False) as port:
        answer = ask_http(HttpCheck(url=f"https://127.0.0.1:{port}/"), connect, 10)
    assert answer == Answer(status=200, output=b"hi")

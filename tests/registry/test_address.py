"""Which registry and repository a name means, and how they are asked."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fromscratch.errors import UsageError
from fromscratch.host.http import session as web
from fromscratch.host.registry.address import Place, base_url, is_loopback, reference_of


@pytest.mark.parametrize(
    ("name", "registry", "host", "repository"),
    [
        ("docker://busybox", "docker.io", "registry-1.docker.io", "library/busybox"),
        ("docker://team/hello:1", "docker.io", "registry-1.docker.io", "team/hello"),
        ("docker.io/busybox", "docker.io", "registry-1.docker.io", "library/busybox"),
        ("index.docker.io/library/busybox", "docker.io", "registry-1.docker.io", "library/busybox"),
        ("registry-1.docker.io/team/hello", "docker.io", "registry-1.docker.io", "team/hello"),
        ("quay.io/hello", "quay.io", "quay.io", "hello"),
        ("localhost/hello", "localhost", "localhost", "hello"),
        ("box:5000/a/b/c:1", "box:5000", "box:5000", "a/b/c"),
        ("[::1]:5000/hello", "[::1]:5000", "[::1]:5000", "hello"),
    ],
)
def test_a_name_means_one_repository(name: str, registry: str, host: str, repository: str) -> None:
    place = Place.of(reference_of(name))
    assert (place.registry, place.host, place.repository) == (registry, host, repository)


@pytest.mark.parametrize("name", ["hello", "team/hello:1", "library/busybox"])
def test_a_name_without_a_host_goes_nowhere_unless_it_says_docker(name: str) -> None:
    with pytest.raises(UsageError, match="names no registry") as caught:
        reference_of(name)
    assert "docker.io/" in caught.value.hint


@pytest.mark.parametrize("name", ["docker://", "docker://A", "docker://a b", "quay.io/", "http://quay.io/hello"])
def test_what_is_no_name_is_told(name: str) -> None:
    with pytest.raises(UsageError):
        reference_of(name)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("registry.localhost:5000", True),
        ("127.0.0.1", True),
        ("127.9.9.9:80", True),
        ("[::1]:5000", True),
        ("localhost.example", False),
        ("127.0.0.1.example:5000", False),
        ("10.0.0.1", False),
        ("0.0.0.0:5000", False),
        ("[::2]", False),
        ("[::1", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, ours: bool) -> None:
    assert is_loopback(host) is ours


def _place(host: str) -> Place:
    return Place(host, "team/hello")


def test_https_is_asked_unless_something_speaks_against_it() -> None:
    assert base_url(_place("registry.example"), plain_http=False, trusting=False) == "https://registry.example"
    assert base_url(_place("registry.example:5000"), plain_http=True, trusting=True) == "http://registry.example:5000"
    assert base_url(_place("127.0.0.1:1"), plain_http=False, trusting=True) == "https://127.0.0.1:1"
    with pytest.raises(web.Failed) as caught:
        base_url(_place(f"127.0.0.1:{_unused()}"), plain_http=False, trusting=False)
    assert caught.value.again


@pytest.mark.parametrize("host", ["localhost:65536", "127.0.0.1:99999", f"{64 * 'a'}.localhost:5000"])
def test_a_host_that_no_machine_can_have_is_told(host: str) -> None:
    with pytest.raises(web.Failed) as caught:
        base_url(_place(host), plain_http=False, trusting=False)
    assert (caught.value.kind, caught.value.again) == (web.Kind.NO_ADDRESS, False)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"",  # it hangs up
        b"\x15\x03\x03\x00\x02",  # the beginning of an alert, and no more
    ],
)
def test_a_registry_of_this_machine_that_speaks_no_tls_is_asked_without(answer: bytes) -> None:
    with _server(answer) as host:
        assert base_url(_place(host), plain_http=False, trusting=False) == f"http://{host}"


def test_a_registry_of_this_machine_that_refuses_our_handshake_speaks_tls() -> None:
    with _server(b"\x15\x03\x03\x00\x02\x02\x28") as host:  # a fatal alert: handshake_failure
        assert base_url(_place(host), plain_http=False, trusting=False) == f"https://{host}"


def _unused() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _server(answer: bytes) -> Iterator[str]:
    """Something that answers whatever it is sent with these bytes, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join()

"""The client of the Engine API before bad servers, and others than docker. A real daemon is in tests/images."""

import io
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pytest

from fromscratch.errors import CommandFailed, ImageError
from fromscratch.host.engines.docker import Docker
from fromscratch.host.engines.docker_api import DockerApi, Unreachable, _common_version
from fromscratch.model.reference import Reference

VERSION = (
    b'{"Version": "99.1.2", "ApiVersion": "1.99", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "arm64",'
    b' "Components": [{"Name": "Engine"}]}'
)


def answer(body: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, size, body)


class Scripted:
    """A server on a unix socket that gives one answer after the other, each on a connection of its own."""

    def __init__(self, path: Path, *answers: bytes, reads: bool = True) -> None:
        self.api = DockerApi(f"unix://{path}")
        self.heard: list[bytes] = []
        self._answers, self._reads = answers, reads
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Scripted":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every answer has been asked for by then."""
        self._thread.join(10)
        self._server.close()

    def _serve(self) -> None:
        for number, text in enumerate(self._answers):
            near, _ = self._server.accept()
            with near, suppress(OSError):
                reads = self._reads or number == 0  # the question for the version is heard in any case
                self.heard.append(_request(near) if reads else b"")
                near.sendall(text)


def _request(near: socket.socket) -> bytes:
    heard = b""
    while not heard.endswith(b"\r\n\r\n"):
        piece = near.recv(1 << 16)
        if not piece:
            break
        heard += piece
    return heard


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("s")  # the whole path may be too long for a socket


@pytest.mark.parametrize(
    ("theirs", "least", "spoken"),
    [
        ("1.41", "1.12", "1.41"),
        ("1.51", "1.24", "1.44"),
        ("1.60", "1.50", "1.50"),
        ("1.9", "", "1.9"),
        ("2.0", "", "1.44"),
    ],
)
def test_the_version_of_the_api_is_one_that_both_know(theirs: str, least: str, spoken: str) -> None:
    assert _common_version(theirs, least) == spoken


def test_the_version_goes_before_every_path(path: Path) -> None:
    with Scripted(path, answer(VERSION), answer(b'{"Id": "sha256:ab"}'), answer(b"", b"404 Not Found")) as there:
        assert there.api.image_id("far.example:5000/team/x:1") == "sha256:ab"
        assert there.api.image_id("gone") is None
    assert there.heard[1].startswith(b"GET /v1.44/images/far.example:5000/team/x:1/json HTTP/1.1\r\n")


def test_who_answers_is_told(path: Path) -> None:
    with Scripted(path, answer(VERSION)) as there:
        daemon = there.api.daemon()
    assert (daemon.version, daemon.api, daemon.product) == ("99.1.2", "1.44", "Engine")
    assert str(daemon.platform) == "linux/arm64"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        answer(b"<html>hello</html>"),
        answer(b"[]"),
        answer(b"{}"),
        answer(b'{"Version": 1, "ApiVersion": "x", "Os": "linux", "Arch": "amd64"}'),
        answer(b'{"Version": 1, "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64", "Components": 7}'),
        answer(b"no", b"500 Internal Server Error"),
        answer(VERSION, length=4000),
    ],
)
def test_what_is_no_daemon_is_told_apart(said: bytes, path: Path) -> None:
    with Scripted(path, said, said) as there:
        with pytest.raises(Unreachable):
            there.api.daemon()
        found = Docker(address="unix://s").status()
    assert not found.available
    assert "unix://s" in found.problem
    assert found.hint


def test_an_error_has_the_daemon_s_words_and_a_hint(path: Path) -> None:
    said = answer(b'{"message": "no such luck"}', b"500 Internal Server Error")
    with (
        Scripted(path, answer(VERSION), said) as there,
        pytest.raises(CommandFailed, match="docker refused: no such luck") as caught,
    ):
        there.api.load(io.BytesIO(b"x"))
    assert "logged" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "reported"),
    [
        (b'{"status":"x"}\r\n{"errorDetail":{"message":"it is full"},"error":"it is full"}\r\n', "it is full"),
        (b'{"error":"old style"}\n', "old style"),
    ],
)
def test_an_error_in_the_stream_is_an_error(said: bytes, reported: str, path: Path) -> None:
    with (
        Scripted(path, answer(VERSION), answer(said)) as there,
        pytest.raises(CommandFailed, match=f"docker refused the image: {reported}"),
    ):
        there.api.import_root(io.BytesIO(b"x"), Reference.parse("x"), [])


def test_an_answer_before_the_end_of_the_body_is_heard(path: Path) -> None:
    said = answer(b'{"message": "too much"}', b"400 Bad Request")
    with (
        Scripted(path, answer(VERSION), said, reads=False) as there,
        pytest.raises(CommandFailed, match=r"too much|broke off"),
    ):
        there.api.load(io.BytesIO(bytes(50_000_000)))


def test_a_stream_that_ends_too_early_is_an_error(path: Path, tmp_path: Path) -> None:
    with (
        Scripted(path, answer(VERSION), answer(b"half", length=100)) as there,
        pytest.raises(CommandFailed, match="broke off"),
    ):
        there.api.save("x", tmp_path / "out.tar")


class Failing(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_body_that_cannot_be_read_is_no_fault_of_the_daemon(path: Path) -> None:
    with (
        Scripted(path, answer(VERSION), answer(b"")) as there,
        pytest.raises(ImageError, match="the image cannot be read: Input/output error"),
    ):
        there.api.load(Failing())  # type: ignore[arg-type]
    assert b"chunked" in there.heard[1]
    assert not there.heard[1].endswith(b"0\r\n\r\n")  # nobody may take it for whole

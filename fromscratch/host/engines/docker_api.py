"""The Engine API of docker: HTTP over a unix socket, or over TCP without TLS; bodies are streamed in both directions.

The version of the API is the highest that both sides know (Engine API reference, "Versioned API"). Errors after the
start of an answer are in its stream of JSON objects.
"""

import http.client
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from fromscratch.digest import CHUNK
from fromscratch.errors import CommandFailed, ImageError
from fromscratch.host.engines.contract import PATIENCE, platform_of
from fromscratch.host.storage import disk
from fromscratch.limits import json_value
from fromscratch.model.image import Platform
from fromscratch.model.reference import Reference

_API_VERSION = (1, 44)  # the version that this is written for; older ones have all that is used here
_MAX_LINE = 1 << 20
_HINT = "see what the daemon has logged (journalctl -u docker)"


class Unreachable(Exception):
    """No daemon answers; `error` is why."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Daemon(Struct, frozen=True, kw_only=True):
    """The daemon that answers: `product` is docker's, or the name of another program with the same API."""

    version: str
    product: str
    platform: Platform | None
    api: str


class DockerApi:
    """The daemon at an address, unix:///path or tcp://host:port. Raises CommandFailed with its message."""

    def __init__(self, address: str) -> None:
        self.address, self._prefix = address, ""

    def daemon(self) -> Daemon:
        """Probe which daemon answers, and choose the version of the API. Raises Unreachable."""
        try:
            message = json_value(self._small("GET", "/version", timeout=PATIENCE) or b"")
            api = _common_version(str(message["ApiVersion"]), str(message.get("MinAPIVersion") or ""))
            components = message.get("Components") or [{}]
            platform = platform_of(f"{message['Os']}/{message['Arch']}")
            product = str(components[0].get("Name") or "Engine")
            return Daemon(version=str(message["Version"]), product=product, platform=platform, api=api)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(error) from error
        except (ValueError, LookupError, TypeError, AttributeError, CommandFailed) as error:
            raise Unreachable(ValueError(f"what answers is not a docker daemon: {error}")) from error

    def import_root(self, tar: BinaryIO, name: Reference, changes: Sequence[str]) -> None:
        """Make an image of a tar, configured by these instructions of a Dockerfile. All or nothing."""
        query = [("fromSrc", "-"), ("repo", name.repository), ("tag", name.tag)]
        self._stream("/images/create", [*query, *(("changes", change) for change in changes)], tar)

    def load(self, archive: BinaryIO) -> None:
        """Load the images of a docker-archive."""
        self._stream("/images/load", [("quiet", "1")], archive)

    def image_id(self, image: str) -> str | None:
        """The ID of an image, or None if the daemon has none of that name."""
        found = self._small("GET", f"{self._version()}/images/{_quoted(image)}/json", absent=True)
        if found is None:
            return None
        with _parsed(self.address):
            return str(json_value(found)["Id"])

    def save(self, image: str, path: Path) -> None:
        """Write an image to a file as `docker save` does."""
        target = f"{self._version()}/images/{_quoted(image)}/get"
        with self._answer("GET", target) as answer, disk.explained(path), open(path, "wb") as out:
            while piece := self._read(answer):
                out.write(piece)

    def remove(self, image: str, *, force: bool = False) -> None:
        """Remove a name, or an image without one. Ignores one that is not there or in use."""
        query = "?force=1" if force else ""
        with suppress(CommandFailed):
            self._small("DELETE", f"{self._version()}/images/{_quoted(image)}{query}", absent=True)

    def _version(self) -> str:
        if not self._prefix:
            try:
                self._prefix = f"/v{self.daemon().api}"
            except Unreachable as error:
                raise CommandFailed(f"the docker daemon at {self.address} does not answer: {error}", _HINT) from error
        return self._prefix

    def _stream(self, path: str, query: Sequence[tuple[str, str]], body: BinaryIO) -> None:
        target = f"{self._version()}{path}?{urlencode(query)}"
        with self._answer("POST", target, body) as answer:
            for message in _objects(answer):
                error = message.get("errorDetail") or message.get("error")
                if error:
                    text = error.get("message") if isinstance(error, dict) else error
                    raise CommandFailed(f"docker refused the image: {text}", _HINT)

    def _small(self, method: str, target: str, *, absent: bool = False, timeout: float | None = None) -> bytes | None:
        """The body of a short answer; None, with `absent`, for status 404."""
        try:
            with self._answer(method, target, timeout=timeout) as answer:
                return answer.read()
        except _Refused as error:
            if absent and error.status == http.client.NOT_FOUND:
                return None
            raise

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            piece = answer.read(CHUNK)
            if not piece and answer.length:  # read() does not notice a body shorter than announced
                raise http.client.IncompleteRead(b"", answer.length)
            return piece
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> CommandFailed:
        return CommandFailed(f"the docker daemon at {self.address} broke off: {_reason(error)}", _HINT)

    @contextmanager
    def _answer(
        self, method: str, target: str, body: BinaryIO | None = None, timeout: float | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer to one request. The connection is always closed, which aborts an unfinished request."""
        connection = _connection(self.address)
        connection.timeout = timeout or PATIENCE
        try:
            connection.connect()
            connection.sock.settimeout(timeout)
            _ask(connection, method, target, body)
            answer = connection.getresponse()
            if answer.status >= http.client.BAD_REQUEST:
                raise _Refused(answer)
            yield answer
        except (OSError, http.client.HTTPException) as error:
            if timeout is not None:
                raise
            raise self._broken(error) from error
        finally:
            connection.close()


class _Refused(CommandFailed):
    """A refusal by the daemon, with its message."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        raw = answer.read(_MAX_LINE)
        try:
            text = str(json_value(raw)["message"])
        except (ValueError, LookupError, TypeError):
            text = raw.decode("utf-8", "replace").strip() or answer.reason
        super().__init__(f"docker refused: {text}", _HINT)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(address: str) -> http.client.HTTPConnection:
    if address.startswith("unix://"):
        return _UnixConnection(address.removeprefix("unix://"))
    parts = urlsplit(address)
    return http.client.HTTPConnection(parts.hostname or "localhost", parts.port or 2375)


def _ask(connection: http.client.HTTPConnection, method: str, target: str, body: BinaryIO | None) -> None:
    """Send a request. If reading the body fails, its last chunk is missing, so the daemon discards it."""
    connection.putrequest(method, target)
    if body is None:
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        return
    connection.putheader("Content-Type", "application/x-tar")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    while piece := _piece(body):
        try:
            for part in (b"%x\r\n" % len(piece), piece, b"\r\n"):
                connection.send(part)
        except (BrokenPipeError, ConnectionResetError):
            return  # the daemon has answered before the end; the answer says why
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.send(b"0\r\n\r\n")


def _piece(body: BinaryIO) -> bytes:
    try:
        return body.read(CHUNK)
    except OSError as error:
        raise ImageError(f"the image cannot be read: {_reason(error)}", "see whether its files are there") from error


def _objects(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The JSON objects of an answer, one on each line; other lines are ignored."""
    while line := answer.readline(_MAX_LINE):
        try:
            message = json_value(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message


def _common_version(newest: str, oldest: str) -> str:
    """The version of the API to use: the highest that both know, or the lowest that the daemon accepts."""
    highest = min(_numbers(newest), _API_VERSION)
    chosen = max(highest, _numbers(oldest)) if oldest else highest
    return ".".join(str(number) for number in chosen)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _quoted(image: str) -> str:
    return quote(image, safe="/:@")


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return text or type(error).__name__


@contextmanager
def _parsed(address: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise ImageError(
            f"the docker daemon at {address} gives an answer that cannot be read: {error}", _HINT
        ) from error

"""A door of TCP before a unix socket, which can be shut in the midst of what passes."""

import socket
import threading
from contextlib import suppress
from types import TracebackType


class Forwarder:
    """Takes connections on loopback, and hands everything on to the unix socket at `path`, both ways.

    With `after`, each connection is cut when so many bytes have passed towards the socket.
    """

    def __init__(self, path: str, *, after: int | None = None) -> None:
        self._path, self._after = path, after
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._ends: list[socket.socket] = [self._server]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "Forwarder":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in self._ends:
            _shut(end)
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._path)
            self._ends += [near, far]
            for source, target, limit in ((near, far, self._after), (far, near, None)):
                threading.Thread(target=_copy, args=(source, target, limit), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    passed = 0
    try:
        while data := source.recv(1 << 16):
            if limit is not None and passed + len(data) > limit:
                target.sendall(data[: limit - passed])
                break
            passed += len(data)
            target.sendall(data)
        else:
            target.shutdown(socket.SHUT_WR)
            return
    except OSError:
        pass
    _shut(source)
    _shut(target)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()

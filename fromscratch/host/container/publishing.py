"""A port of this machine's loopback device that leads to a port of a running container."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from fromscratch.errors import ImageError, UsageError

_BLOCK = 1 << 16
_LOOPBACK = "127.0.0.1"


@contextmanager
def published(connect: Callable[[], socket.socket], host_port: int) -> Iterator[int]:
    """Copy between a port of this machine (0: any that is free, which is the answer) and what `connect` gives.

    A connection is closed at once where `connect` fails, as by a server that is not there. Raises ImageError for a port
    that is in use.
    """
    try:
        server = socket.create_server((_LOOPBACK, host_port))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror
        raise ImageError(f"cannot listen at {_LOOPBACK}:{host_port}: {reason}", "take another port") from error
    except OverflowError as error:
        raise UsageError(f"{host_port} is not a port", "write a number from 1 to 65535") from error
    peers: set[socket.socket] = set()
    accepting = threading.Thread(target=_accept, args=(server, connect, peers), daemon=True)
    accepting.start()
    try:
        yield server.getsockname()[1]
    finally:
        _shut(server)
        accepting.join()
        server.close()
        for peer in list(peers):
            _shut(peer)


def _accept(server: socket.socket, connect: Callable[[], socket.socket], peers: set[socket.socket]) -> None:
    with suppress(OSError):  # it has been shut down
        while True:
            ours, _ = server.accept()
            threading.Thread(target=_join, args=(ours, connect, peers), daemon=True).start()


def _join(ours: socket.socket, connect: Callable[[], socket.socket], peers: set[socket.socket]) -> None:
    with ours, suppress(OSError, ImageError), connect() as theirs:
        theirs.settimeout(None)
        pair = {ours, theirs}
        peers |= pair
        back = threading.Thread(target=_copy, args=(theirs, ours), daemon=True)
        back.start()
        _copy(ours, theirs)
        back.join()
        peers -= pair


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy to the end of one direction, and pass that end on: the other direction may go on."""
    with suppress(OSError):
        while data := source.recv(_BLOCK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)

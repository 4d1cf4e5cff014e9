"""Ports of a container on this machine's loopback: connections to them are carried on into its network."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from msgspec import Struct

from fromscratch.errors import ImageError

_LOOPBACK = "127.0.0.1"
_PIECE = 1 << 16

Connect = Callable[[str, int], socket.socket]
"""Makes a connection to a host and port in the container's network. Raises OSError or ImageError."""


class Port(Struct, frozen=True):
    """A TCP port `inside` the container, and the one of this machine that leads to it."""

    inside: int
    here: int


@contextmanager
def published(ports: Sequence[int], connect: Connect) -> Iterator[tuple[Port, ...]]:
    """Listen for these ports of a container while the block lasts, on the same port where that is free here."""
    with contextlib.ExitStack() as stack:
        found = []
        for inside in ports:
            server = stack.enter_context(_server(inside))
            found.append(Port(inside, server.getsockname()[1]))
            threading.Thread(target=_serve, args=(server, inside, connect), daemon=True).start()
            stack.callback(server.shutdown, socket.SHUT_RDWR)  # wakes the thread, which closing alone would not
        yield tuple(found)


def tcp_ports(exposed: Sequence[str]) -> list[int]:
    """The TCP ports among those that an image exposes, such as 80, 80/tcp or 8000-8010/tcp."""
    ports: dict[int, None] = {}
    for text in exposed:
        numbers, _, kind = text.partition("/")
        first, _, last = numbers.partition("-")
        if kind in ("", "tcp") and first.isdecimal() and (last or first).isdecimal():
            ports.update(dict.fromkeys(range(int(first), min(int(last or first), int(first) + 99, 65535) + 1)))
    return [port for port in ports if port]


def _server(port: int) -> socket.socket:
    try:
        return socket.create_server((_LOOPBACK, port))
    except OSError:  # it is taken, or only root may have it
        return socket.create_server((_LOOPBACK, 0))


def _serve(server: socket.socket, port: int, connect: Connect) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return  # the block has ended
        threading.Thread(target=_carry, args=(client, port, connect), daemon=True).start()


def _carry(client: socket.socket, port: int, connect: Connect) -> None:
    """Carry bytes in both directions until both sides have no more."""
    with client:
        try:
            server = connect("localhost", port)
        except (OSError, ImageError):
            return  # nothing listens there yet
        with server, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while selector.get_map():
                for key, _ in selector.select():
                    source, target = cast(socket.socket, key.fileobj), key.data
                    data = source.recv(_PIECE)
                    if data:
                        target.sendall(data)
                    else:
                        selector.unregister(source)
                        target.shutdown(socket.SHUT_WR)

"""Talking to process 1 of a running container: see `host.container.inside.serving`."""

import json
import os
import select
import socket
import struct
from contextlib import suppress
from typing import Any

from fromscratch.errors import ImageError
from fromscratch.host.container.inside.serving import receive

_PACKET = 1 << 17
_PEER = struct.Struct("=iII")  # struct ucred
_GONE = "see what the container was doing: something killed its process 1"


def is_readable(handle: int, timeout: float) -> bool:
    """Whether there is something to read within so many seconds; of a descriptor of any number, unlike select(2)."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout) * 1000))


class Control:
    """Our end of the control socket; once it is ready, `pid` is process 1 as this machine numbers it.

    `overlaid` tells whether its root is a filesystem of its own, and not the folder where the tree was written.
    """

    def __init__(self) -> None:
        self._socket, self._other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.pid, self.overlaid = -1, False

    def inherited(self) -> int:
        """The descriptor for process 1."""
        return self._other.fileno()

    def close_other_end(self) -> None:
        self._other.close()

    def wait_until_ready(self) -> bool:
        """Wait for the root; False if process 1 has ended instead."""
        data, control, _, _ = self._socket.recvmsg(64, socket.CMSG_SPACE(_PEER.size))
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and data:
                self.pid, self.overlaid = _PEER.unpack(value)[0], json.loads(data)["overlaid"]
        return bool(data)

    def ask(self, request: dict[str, Any], *handles: int) -> "Answers":
        """Send a request. Raises ImageError if the container has ended."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        body = os.memfd_create("request")
        try:
            with open(os.dup(body), "wb") as file:
                file.write(json.dumps(request).encode())
            socket.send_fds(self._socket, [b"r"], [body, theirs.fileno(), *handles])
        except OSError as error:
            ours.close()
            raise ImageError("the container has ended", _GONE) from error
        finally:
            os.close(body)
            theirs.close()
        return Answers(ours)

    def close(self) -> None:
        """Have process 1 end the container."""
        self._socket.close()
        self._other.close()


class Answers:
    """The answers to one request, until the process that gives them has closed its end."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def __enter__(self) -> "Answers":
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def next(self, timeout: float | None = None) -> dict[str, Any] | None:
        """One answer, None after the last; a descriptor that came with it is "handle". Raises TimeoutError."""
        if timeout is not None and not is_readable(self._channel.fileno(), timeout):
            raise TimeoutError
        with suppress(ConnectionResetError):
            data, handles = receive(self._channel, _PACKET, 1)
            if data:
                answer: dict[str, Any] = json.loads(data)
                return {**answer, "handle": handles[0]} if handles else answer
        return None

    def only(self) -> dict[str, Any]:
        """The one answer. Raises OSError for a failure that it reports, ImageError if the container has ended."""
        answer = self.next()
        if answer is None:
            raise ImageError("the container has ended", _GONE)
        if number := answer.get("errno"):
            raise OSError(number, os.strerror(number))
        return answer

"""Process 1 of the new namespaces: it prepares the root, starts the command, and reaps."""

import array
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.command import become_command
from fromscratch.host.container.inside.kernel import Failed
from fromscratch.host.container.inside.root import prepare_root
from fromscratch.host.container.inside.serving import serve
from fromscratch.host.container.inside.standard_streams import own_pipes
from fromscratch.host.container.inside.waiting import FORWARDED, wait

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_TIOCSPTLCK, _TIOCGPTPEER, _TIOCGPTN = 0x40045431, 0x5441, 0x80045430


def main() -> None:
    """`sys.argv` ends as it does for `outer`."""
    error_fd, terminal_fd = int(sys.argv[3]), int(sys.argv[4])
    os.set_inheritable(error_fd, False)
    try:
        spec = json.loads(Path(sys.argv[2]).read_bytes())
        kernel.end_with_parent()
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        overlaid = prepare_root(spec)
        socket.sethostname(spec["hostname"])
        if spec["network"] == "private":
            _raise_loopback()
        if terminal_fd >= 0:
            _open_terminal(terminal_fd, spec)
        # Nothing inside may look into this process, which has all capabilities.
        kernel.libc.prctl(kernel.SET_DUMPABLE, 0, 0, 0, 0)
        if spec["control"] is not None:
            serve(socket.socket(fileno=spec["control"]), spec, overlaid=overlaid)
            os._exit(0)
        own_pipes(spec["uid"])
        child = os.fork()
        if child == 0:
            become_command(spec)
        os.close(error_fd)
        for stream in range(3):
            with suppress(OSError):  # of a caller who has closed it
                os.close(stream)  # or a reader that waits for the end of a pipe would wait for this process
        os._exit(wait(child))
    except BaseException as failure:
        kernel.report(error_fd, failure)
    os._exit(1)


def _raise_loopback() -> None:
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _open_terminal(terminal_fd: int, spec: dict[str, Any]) -> None:
    """Make a terminal for the container: its master side is sent out, the other side replaces the caller's terminal."""
    try:
        master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
        slave = _peer(master)
    except OSError as error:
        raise Failed("mount", error) from error
    with socket.socket(fileno=terminal_fd) as channel:
        channel.sendmsg([b"t"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))])
        os.close(master)
        channel.recv(1)  # until the other side has set its size and modes
    with suppress(OSError):
        os.fchown(slave, spec["uid"], -1)
    for stream in spec["terminals"]:
        os.dup2(slave, stream)
    os.close(slave)
    with suppress(Failed, OSError):
        name = os.fsencode(os.ttyname(spec["terminals"][0]))
        os.close(os.open("/dev/console", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        kernel.mount(name, b"/dev/console", flags=kernel.BIND)


def _peer(master: int) -> int:
    try:
        return fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
    except OSError:  # before Linux 4.13, and on architectures with other request numbers
        number = struct.unpack("i", fcntl.ioctl(master, _TIOCGPTN, bytes(4)))[0]
        return os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)

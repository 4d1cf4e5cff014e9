"""Process 1 of a container that is asked things: it starts commands, signals them, and opens sockets, on request.

A request is one message on the control socket with descriptors: of a file that holds it as JSON, of a socket for the
answers to it, and, for a command, of its three streams and of a pipe that gets its exit code. A message is one packet.
The end of the control socket is the end of the container.
"""

import array
import json
import os
import select
import signal
import socket
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.command import become_command
from fromscratch.host.container.inside.standard_streams import own_pipes
from fromscratch.host.container.inside.waiting import exit_code, resume

_DESCRIPTORS = 6


def serve(control: socket.socket, spec: dict[str, Any], *, overlaid: bool) -> None:
    """Say that the root is ready, and answer until the other side has closed the socket; then end every process."""
    os.set_inheritable(control.fileno(), False)
    null = os.open("/dev/null", os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream, inheritable=False)
    os.close(null)
    server = _Server(control, spec)
    with suppress(BrokenPipeError, ConnectionResetError):
        control.send(json.dumps({"overlaid": overlaid}).encode())
        while server.answer():
            pass
    server.end_all()


class _Server:
    def __init__(self, control: socket.socket, spec: dict[str, Any]) -> None:
        self._control, self._spec = control, spec
        self._running: dict[int, int] = {}  # a command's process: the pipe that gets its exit code
        self._woken, wakes = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wakes, False)
        signal.signal(signal.SIGCHLD, _do_nothing)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)

    def answer(self) -> bool:
        """Reap, and answer the next request; False at the end of the socket."""
        control = self._control.fileno()
        ready, _, _ = select.select([control, self._woken], [], [])
        if self._woken in ready:
            os.read(self._woken, 512)
            self._reap(os.WNOHANG)
        if control not in ready:
            return True
        _, handles = receive(self._control, 16, _DESCRIPTORS)
        if not handles:
            return False
        with open(handles[0], "rb") as file, socket.socket(fileno=handles[1]) as channel:
            file.seek(0)
            try:
                self._do(json.loads(file.read()), channel, handles[2:])
            except OSError as error:
                channel.send(json.dumps({"errno": error.errno}).encode())
            finally:
                for handle in handles[2:]:
                    os.close(handle)
        return True

    def _do(self, request: dict[str, Any], channel: socket.socket, handles: list[int]) -> None:
        match request["do"]:
            case "run":
                self._run(request, channel, handles)
            case "signal":
                self._signal(request["pid"], request["signal"], group=request["group"])
                channel.send(b"{}")
            case "socket":
                with socket.socket(request["family"], socket.SOCK_STREAM) as fresh:
                    _send(channel, fresh.fileno())
            case "namespace":
                handle = os.open(f"/proc/self/ns/{request['kind']}", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    _send(channel, handle)
                finally:
                    os.close(handle)
            case "end":
                self.end_all()
                channel.send(b"{}")

    def _run(self, request: dict[str, Any], channel: socket.socket, handles: list[int]) -> None:
        streams, exits = handles[:3], handles[3]
        pid = os.fork()
        if pid == 0:
            self._become(request, channel, streams)
        self._running[pid] = os.dup(exits)
        channel.send(json.dumps({"pid": pid}).encode())

    def _become(self, request: dict[str, Any], channel: socket.socket, streams: list[int]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for stream, handle in enumerate(streams):
                os.dup2(handle, stream)
            own_pipes(request["uid"])
            become_command({**self._spec, **request}, lambda listener: _send(channel, listener))
        except BaseException as failure:
            kernel.report(channel.fileno(), failure)
        os._exit(1)

    def _signal(self, pid: int, number: int, *, group: bool) -> None:
        """Signal a command that has not been reaped, so that its number is not that of another process."""
        if pid not in self._running:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if group:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)

    def end_all(self) -> None:
        """Kill every process of the container but this one, and wait until they are gone."""
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        self._reap(0)

    def _reap(self, flags: int) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, flags | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if os.WIFSTOPPED(status):
                resume(pid, os.WSTOPSIG(status))
            elif exits := self._running.pop(pid, None):
                with suppress(BrokenPipeError):
                    os.write(exits, str(exit_code(status)).encode())
                os.close(exits)


def receive(channel: socket.socket, size: int, count: int) -> tuple[bytes, list[int]]:
    """One packet, and its descriptors, which no command inherits: socket.recv_fds leaves out the flag for that."""
    handles = array.array("i")
    data, control, _, _ = channel.recvmsg(size, socket.CMSG_SPACE(count * handles.itemsize), socket.MSG_CMSG_CLOEXEC)
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            handles.frombytes(value[: len(value) - len(value) % handles.itemsize])
    return data, list(handles)


def _send(channel: socket.socket, handle: int) -> None:
    channel.sendmsg([b'{"handle":0}'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [handle]))])


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """With a handler, and not the default, the signal wakes `select`."""

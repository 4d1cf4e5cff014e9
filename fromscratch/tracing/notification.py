"""The supervisor of seccomp user notification: it sees each call that names files, notes it, and lets it go on.

seccomp_unotify(2). The calls themselves are made by the kernel, with the caller's rights; what they name is read from
the caller's memory while it waits. So nothing that runs under a supervisor gets more or less than without one, but
what another thread of a hostile program changes meanwhile is not seen.
"""

import errno
import os
import select
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl

from fromscratch.formats.oci_runtime import seccomp
from fromscratch.tracing.callers import Root
from fromscratch.tracing.calls import path_calls
from fromscratch.tracing.observer import Observer
from fromscratch.tracing.recording import Recording

# linux/seccomp.h. On MIPS and POWER the direction bits of an ioctl lie elsewhere.
_RECEIVE, _SEND, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082104
_SYNC_WAKE_UP, _CONTINUE = 1, 1
_REQUEST, _ANSWER = struct.Struct("=QII iI Q 6Q"), struct.Struct("=QqiI")
_ZERO = bytes(_REQUEST.size)
_GONE = (errno.ENOENT, errno.EINTR, errno.ESRCH)
_UNREADABLE = "the memory of the program that asked may not be read"


class Supervisor:
    """Answers the notifications of any number of listeners, each for one run, in a thread of its own.

    `close` must not be called before everything that is listened to has ended: its calls would fail with ENOSYS.
    """

    def __init__(self, recording: Recording, architecture: str, root: Callable[[], Root]) -> None:
        self._recording, self._make_root = recording, root
        self._tables = {seccomp.audit_number(name): path_calls(name) for name in seccomp.runs(architecture)}
        self._poll = select.epoll()
        self._wake, self._stop = os.pipe2(os.O_CLOEXEC)
        self._poll.register(self._wake, select.EPOLLIN)
        self._runs: dict[int, int] = {}
        self._observer: Observer | None = None
        self._thread = threading.Thread(target=self._serve, name="notifications", daemon=True)
        self._thread.start()

    @property
    def elsewhere(self) -> int:
        """How many processes had a root that is not below the recorded one, so that nothing of them was recorded."""
        return len(self._observer.elsewhere) if self._observer else 0

    def listen(self, fd: int, run: int) -> None:
        """Answer a listener from now on; its calls belong to that run. The descriptor is closed at its end."""
        with suppress(OSError):  # before Linux 6.6
            ioctl(fd, _SET_FLAGS, _SYNC_WAKE_UP)
        self._runs[fd] = run
        self._poll.register(fd, select.EPOLLIN)

    def close(self) -> None:
        """End the thread, and close all listeners."""
        os.close(self._stop)
        self._thread.join()
        os.close(self._wake)
        for fd in list(self._runs):
            self._end(fd)
        self._poll.close()
        if self._observer is not None:
            self._observer.close()

    def _serve(self) -> None:
        request = bytearray(_REQUEST.size)
        while True:
            for fd, event in self._poll.poll():
                if fd == self._wake:
                    return
                if event & select.EPOLLIN:
                    self._answer(fd, request)
                elif event & select.EPOLLHUP:
                    self._end(fd)  # everything that had this filter has ended

    def _end(self, fd: int) -> None:
        self._poll.unregister(fd)
        del self._runs[fd]
        os.close(fd)

    def _answer(self, fd: int, request: bytearray) -> None:
        request[:] = _ZERO  # the kernel refuses anything else
        try:
            ioctl(fd, _RECEIVE, request)
        except OSError as error:
            if error.errno in _GONE:  # the caller was ended meanwhile
                return
            raise
        number, pid, _, call, architecture, _, *arguments = _REQUEST.unpack(request)
        try:
            if self._observer is None:  # by now the root is there
                self._observer = Observer(self._recording, self._make_root())
            self._observer.look(pid, self._tables[architecture][call], arguments, self._runs[fd])
        except (OSError, KeyError) as error:
            self._note_loss(error)
        try:
            ioctl(fd, _SEND, _ANSWER.pack(number, 0, 0, _CONTINUE))
        except FileNotFoundError:
            return  # the caller was ended meanwhile

    def _note_loss(self, error: Exception) -> None:
        if isinstance(error, PermissionError):
            self._recording.lose(_UNREADABLE)
        elif not isinstance(error, OSError):
            self._recording.lose("a system call has a number that the filter does not let through")
        elif error.errno not in (*_GONE, errno.EBADF, errno.ENOTDIR):
            self._recording.lose(os.strerror(error.errno or 0))

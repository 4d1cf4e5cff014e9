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

    def __init__(self, recording: Recording, architecture: str) -> None:
        self._recording = recording
        self._tables = {seccomp.audit_number(name): path_calls(name) for name in seccomp.runs(architecture)}
        self._poll = select.epoll()
        self._wake, self._stop = os.pipe2(os.O_CLOEXEC)
        self._poll.register(self._wake, select.EPOLLIN)
        self._listeners: dict[int, tuple[int, Callable[[int], Observer]]] = {}
        self._observers: dict[int, Observer] = {}
        self._failed = False
        self._thread = threading.Thread(target=self._serve, name="notifications", daemon=True)
        self._thread.start()

    def listen(self, fd: int, run: int, observer: Callable[[int], Observer]) -> None:
        """Answer a listener from now on, and close it at its end. `observer` is asked with its first caller."""
        if self._failed:
            os.close(fd)
            return
        with suppress(OSError):  # before Linux 6.6
            ioctl(fd, _SET_FLAGS, _SYNC_WAKE_UP)
        self._listeners[fd] = run, observer
        self._poll.register(fd, select.EPOLLIN)

    def close(self) -> None:
        """End the thread, and close all listeners."""
        os.close(self._stop)
        self._thread.join()
        os.close(self._wake)
        for fd in list(self._listeners):
            self._end(fd)
        self._poll.close()

    def _serve(self) -> None:
        """Until the end. Nothing waits for an answer after a fault: without listeners the calls fail with ENOSYS."""
        try:
            self._answer_all()
        except Exception as fault:
            self._failed = True
            self._recording.lose(f"the recorder itself failed with {fault!r}")
            for fd in list(self._listeners):
                self._end(fd)

    def _answer_all(self) -> None:
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
        del self._listeners[fd]
        self._observers.pop(fd, None)
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
            run, choose = self._listeners[fd]
            observer = self._observers.get(fd) or self._observers.setdefault(fd, choose(pid))
            observer.look(pid, self._tables[architecture][call], arguments, run)
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

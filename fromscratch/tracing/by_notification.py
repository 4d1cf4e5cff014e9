"""The default recorders: seccomp user notification, with fanotify as its safety net where that is allowed."""

import ctypes
import os
import struct
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from fromscratch.errors import ImageError
from fromscratch.formats.oci_runtime import seccomp
from fromscratch.host.process import listened
from fromscratch.model.image import Platform
from fromscratch.tracing import fanotify
from fromscratch.tracing.callers import Root, can_look_in_root
from fromscratch.tracing.contract import Target
from fromscratch.tracing.notification import Supervisor
from fromscratch.tracing.notification_filter import filter_program
from fromscratch.tracing.observer import Observer
from fromscratch.tracing.recording import Recording
from fromscratch.tracing.watch import ContainerWatch

_GET_ACTION_AVAIL, _GET_NOTIF_SIZES, _NOTIFY = 2, 3, 0x7FC00000  # linux/seccomp.h
_SIZES = struct.pack("=3H", 80, 24, 64)
_libc = ctypes.CDLL(None, use_errno=True)


class Notification:
    """Without fanotify: what an ordinary user can have."""

    name = "notification"
    about = "seccomp user notification"
    remedy = "use Linux 5.6 or later, and allow seccomp(2); strace does without"
    targets: tuple[Target, ...] = ("command", "image")
    _net = False

    def refusal(self) -> str:
        try:
            number = seccomp.numbers(_here())["seccomp"]
        except ImageError as error:
            return error.message
        action, sizes = ctypes.c_uint32(_NOTIFY), ctypes.create_string_buffer(len(_SIZES))
        if _libc.syscall(number, _GET_ACTION_AVAIL, 0, ctypes.byref(action)):
            return f"this kernel has no seccomp user notification: {os.strerror(ctypes.get_errno())}"
        if _libc.syscall(number, _GET_NOTIF_SIZES, 0, sizes) or sizes.raw != _SIZES:
            return "this kernel has another form of seccomp user notification"
        return "" if can_look_in_root() else "this kernel has no openat2 (Linux 5.6 and later have it)"

    def command(self, words: Sequence[str], recording: Recording, leaves: Callable[[int], object]) -> int:
        here = _here()
        run = recording.begin(words)
        observer = Observer(recording, Root(os.getpid()))
        supervisor = Supervisor(recording, here)
        try:
            with listened.running(words, here, filter_program(here)) as running:
                return running.wait(lambda fd: supervisor.listen(fd, run, lambda pid: observer), leaves)
        finally:
            supervisor.close()  # after the command, whose calls nobody would answer any more
            observer.close()
            recording.note_elsewhere(len(observer.elsewhere))

    def watch(self, recording: Recording) -> AbstractContextManager[ContainerWatch]:
        return ContainerWatch(recording, _here(), net=self._net)


class NotificationWithNet(Notification):
    """For containers, as root: a command on this machine has no filesystem of its own that could be watched."""

    name = "notification+fanotify"
    about = "seccomp user notification, and fanotify for what no system call names"
    remedy = "be root outside of containers; recording does without it, too"
    targets: tuple[Target, ...] = ("image",)
    _net = True

    def refusal(self) -> str:
        return super().refusal() or fanotify.refusal()


def _here() -> str:
    return Platform.of_this_machine().architecture

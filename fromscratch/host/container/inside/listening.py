"""A second filter for system calls, whose calls are answered by a process outside: seccomp_unotify(2)."""

import base64
import ctypes
import errno
from typing import Any

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.kernel import Failed

_SET_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 8, 32  # linux/seccomp.h


class FilterProgram(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    @classmethod
    def of(cls, program: bytes) -> "FilterProgram":
        return cls(len(program) // 8, program)


def listen(request: dict[str, Any]) -> int:
    """Set the filter for this process and its children; the answer is where its calls are reported. Raises Failed.

    A signal that kills is the only one that interrupts a call in the hands of that process: Linux 5.19 and later.
    """
    program = FilterProgram.of(base64.b64decode(request["program"]))
    for flags in (_NEW_LISTENER | _WAIT_KILLABLE, _NEW_LISTENER):
        handle = kernel.libc.syscall(request["seccomp"], _SET_MODE_FILTER, flags, ctypes.byref(program))
        if handle >= 0 or ctypes.get_errno() != errno.EINVAL:
            break
    if handle < 0:
        raise Failed.now("listener")
    return int(handle)

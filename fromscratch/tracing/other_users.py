"""Processes of other users in a user namespace of ours: they may be looked into, but files of /proc/PID are theirs.

An ordinary user's container has such processes where newuidmap gives it a range of users.
"""

import ctypes
import os

_PAGE = 4096
# The same number everywhere, counted from the base of the ABI.
_PIDFD_GETFD = 438 + {"mips64": 5000, "mips": 4000}.get(os.uname().machine, 0)
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.process_vm_readv.restype = ctypes.c_ssize_t


class _Span(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


def memory(pid: int, size: int, address: int) -> bytes:
    """So many bytes of the memory of a process; fewer where what follows is not there. Raises OSError."""
    buffer = ctypes.create_string_buffer(size)
    here = _Span(ctypes.addressof(buffer), size)
    # A span that begins in a page that is there and ends in one that is not is not read at all.
    ends = [*range((address // _PAGE + 1) * _PAGE, address + size, _PAGE), address + size]
    starts = [address, *ends[:-1]]
    spans = (_Span * len(ends))(*(_Span(start, end - start) for start, end in zip(starts, ends, strict=True)))
    read = _LIBC.process_vm_readv(pid, ctypes.byref(here), 1, spans, len(spans), 0)
    if read < 0:
        raise _error(pid)
    return buffer.raw[:read]


def open_file(pid: int, number: int) -> bytes:
    """The path of the file or folder that a process or thread has open by this number. Raises OSError."""
    process = os.pidfd_open(_leader(pid))
    try:
        handle = _LIBC.syscall(_PIDFD_GETFD, process, number, 0)
        if handle < 0:
            raise _error(pid)
    finally:
        os.close(process)
    try:
        return os.readlink(b"/proc/self/fd/%d" % handle)  # noqa: PTH115 - bytes
    finally:
        os.close(handle)


def _leader(thread: int) -> int:
    """The process of a thread, which shares its open files. Raises OSError."""
    with open(f"/proc/{thread}/status", "rb") as file:
        return int(file.read().partition(b"\nTgid:")[2].split(None, 1)[0])


def _error(pid: int) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), f"/proc/{pid}")

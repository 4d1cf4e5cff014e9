"""Memory and open files of a process, without its files in /proc, which belong to another user."""

import ctypes
import mmap
import os
import threading
from pathlib import Path

import pytest

from fromscratch.tracing import other_users


def test_memory_is_read_up_to_what_is_not_there() -> None:
    text = ctypes.create_string_buffer(b"/etc/passwd")
    assert other_users.memory(os.getpid(), 12, ctypes.addressof(text)) == b"/etc/passwd\0"
    with mmap.mmap(-1, 3 * mmap.PAGESIZE) as pages:
        pages[2 * mmap.PAGESIZE - 3 : 2 * mmap.PAGESIZE] = b"end"
        start = ctypes.addressof(view := ctypes.c_char.from_buffer(pages))
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.mprotect(ctypes.c_void_p(start + 2 * mmap.PAGESIZE), mmap.PAGESIZE, 0) == 0
        assert other_users.memory(os.getpid(), 512, start + 2 * mmap.PAGESIZE - 3) == b"end"
        with pytest.raises(OSError, match="Bad address"):
            other_users.memory(os.getpid(), 512, start + 2 * mmap.PAGESIZE)
        del view


def test_an_open_folder_has_a_path_whichever_thread_asks(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    seen: list[bytes] = []
    try:
        seen.append(other_users.open_file(os.getpid(), folder))
        thread = threading.Thread(target=lambda: seen.append(other_users.open_file(threading.get_native_id(), folder)))
        thread.start()
        thread.join()
    finally:
        os.close(folder)
    assert seen == [os.fsencode(tmp_path)] * 2


def test_what_is_not_open_or_has_ended_is_an_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        other_users.open_file(os.getpid(), 1_000_000)
    with pytest.raises(OSError, match="No such"):
        other_users.open_file(2**22 + 1, 0)

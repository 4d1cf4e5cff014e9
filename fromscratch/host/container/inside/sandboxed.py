"""The process that makes a sandbox around a program of this machine: see `host.container.sandbox`.

As one user who is nobody in particular, without privileges, in namespaces of its own: the filesystem can be read
and not written but for one folder, /tmp and the homes are empty, sockets of this machine's services are out of reach,
and there is a network only if that was asked for.
"""

import ctypes
import json
import os
import socket
import struct
import sys
from contextlib import suppress
from fcntl import ioctl
from typing import Any

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.kernel import BIND, NODEV, NOSUID, PRIVATE, REC, REMOUNT, Failed, mount
from fromscratch.host.container.inside.users import mapper
from fromscratch.host.container.inside.waiting import wait

FAILURE = 125
UID = 1000
_HIDDEN = ("/tmp", "/home", "/root", "/run")
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1  # linux/mount.h
_MOUNT_SETATTR = 442  # the same number on every architecture that has it but alpha
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def main() -> None:
    """`sys.argv` ends with a JSON object: what `host.container.sandbox` has of a sandbox, `words` and `environment`."""
    spec = json.loads(sys.argv[2])
    try:
        kernel.end_with_parent()
        map_users = mapper({"map": "own", "uid": UID, "gid": UID})
        spaces = kernel.NEWUSER | kernel.NEWNS | kernel.NEWPID | kernel.NEWIPC
        kernel.call("namespaces", "unshare", spaces | (0 if spec["network"] else kernel.NEWNET))
        map_users()
        child = os.fork()
        if child == 0:
            _first_process(spec)
    except (Failed, OSError) as failure:
        _fail(failure)
    os._exit(wait(child))


def _first_process(spec: dict[str, Any]) -> None:
    """Process 1 of the new namespaces: prepare, start the program, and reap."""
    try:
        kernel.end_with_parent()
        _mount_all(spec)
        if not spec["network"]:
            _raise_loopback()
        child = os.fork()
        if child == 0:
            _become(spec)
    except (Failed, OSError) as failure:
        _fail(failure)
    os._exit(wait(child))


def _become(spec: dict[str, Any]) -> None:
    kernel.libc.prctl(kernel.SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for number in range(64):
        kernel.libc.prctl(kernel.CAPBSET_DROP, number, 0, 0, 0)
    kernel.set_capabilities(0)
    os.umask(0o022)
    os.chdir(spec["place"])
    words = spec["words"]
    try:
        os.execvpe(words[0], words, spec["environment"])  # noqa: S606  there is no shell, on purpose
    except OSError as failure:
        _fail(OSError(failure.errno, failure.strerror, words[0]))


def _mount_all(spec: dict[str, Any]) -> None:
    top = os.fsencode(spec["system"])
    place = top + os.fsencode(spec["place"])
    folder = os.open(spec["folder"], os.O_PATH | os.O_DIRECTORY)
    visible = {path: os.open(path, os.O_PATH) for path in spec["visible"] if _is_hidden(path)}
    mount(b"none", b"/", flags=PRIVATE | REC)
    if top:
        mount(top, top, flags=BIND | REC)
        mount(b"/dev", top + b"/dev", flags=BIND | REC)
    _make_read_only(top or b"/")
    mount(f"/proc/self/fd/{folder}".encode(), place, flags=BIND | REC)  # the kernel keeps mounts below it together
    _make_writable(place)
    for target, source in spec["files"].items():
        mount(os.path.join(place, os.fsencode(source)), top + os.fsencode(target), flags=BIND)  # noqa: PTH118
    for target in (*_HIDDEN, "/dev/shm"):
        with suppress(Failed):  # a machine may have no such folder
            mount(b"tmpfs", top + target.encode(), b"tmpfs", NOSUID | NODEV, b"mode=1777")
    for path, descriptor in visible.items():
        _show(path, descriptor)
    with suppress(Failed):  # not where this machine's own /proc is partly hidden; it shows more processes then
        mount(b"proc", top + b"/proc", b"proc", NOSUID | NODEV)
    if top:
        os.chroot(top)


def _is_hidden(path: str) -> bool:
    return any(os.path.commonpath((path, folder)) == folder for folder in _HIDDEN)


def _show(path: str, descriptor: int) -> None:
    """Put a path that was opened before back over what hides it."""
    if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112
        os.makedirs(path, exist_ok=True)  # noqa: PTH103
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    mount(f"/proc/self/fd/{descriptor}".encode(), os.fsencode(path), flags=BIND | REC)


def _make_read_only(top: bytes) -> None:
    """The whole tree of mounts, in one call; on Linux before 5.12 it can be written as far as its modes allow."""
    attributes = struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    kernel.libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, top, _AT_RECURSIVE, ctypes.create_string_buffer(attributes), len(attributes)
    )


def _make_writable(place: bytes) -> None:
    # In a user namespace the other flags of the filesystem are locked, and have to be given again.
    below = os.statvfs(place).f_flag
    locked = sum(flag for statvfs_flag, flag in kernel.LOCKED_FLAGS if below & statvfs_flag)
    mount(b"", place, flags=REMOUNT | BIND | locked)


def _raise_loopback() -> None:
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _fail(failure: BaseException) -> None:
    step = failure.step if isinstance(failure, Failed) else "start"
    os.write(2, f"cannot make a sandbox ({step}): {failure}\n".encode("utf-8", "replace"))
    os._exit(FAILURE)

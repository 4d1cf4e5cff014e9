"""A program in namespaces of its own that may write to one folder only: what makes a root filesystem, as its user 0."""

import ctypes
import json
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.devices import mount_dev
from fromscratch.host.container.inside.kernel import BIND, NODEV, NOEXEC, NOSUID, PRIVATE, REC, Failed, mount
from fromscratch.host.container.inside.users import mapper
from fromscratch.host.container.inside.waiting import wait

PLACE = "/tmp/bootstrap"
_HIDDEN = ("/home", "/root", "/run", "/var/tmp")
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _ATTR_RDONLY = 442, -100, 0x8000, 1  # linux/mount.h, since Linux 5.12


def main() -> None:
    """`sys.argv` ends with the file that says what to do, and the pipe for errors."""
    spec_file, error_fd = sys.argv[2], int(sys.argv[3])
    try:
        spec = json.loads(Path(spec_file).read_bytes())
        os.chdir(spec["work"])
        map_users = mapper(spec)
        flags = kernel.NEWUSER | kernel.NEWNS | kernel.NEWUTS | kernel.NEWIPC | kernel.NEWPID
        kernel.call("namespaces", "unshare", flags | (0 if spec["network"] else kernel.NEWNET))
        map_users()
        kernel.end_with_parent(spec["parent"])
        child = os.fork()
        if child == 0:
            _become_first(spec, error_fd)
        os._exit(wait(child))
    except BaseException as failure:
        kernel.report(error_fd, failure)
    os._exit(1)


def _become_first(spec: dict[str, Any], error_fd: int) -> NoReturn:
    """Be process 1, which reaps what the program leaves behind."""
    try:
        _become_root(spec)
        kernel.end_with_parent()
        _prepare(spec)
        child = os.fork()
        if child == 0:
            _start(spec)
        os._exit(wait(child))
    except BaseException as failure:
        kernel.report(error_fd, failure)
    os._exit(1)


def _become_root(spec: dict[str, Any]) -> None:
    """User 0 of the namespace; without further users there are no groups that could be left."""
    if spec["map"] == "range":
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)


def _prepare(spec: dict[str, Any]) -> None:
    """Show the working folder at PLACE, and the rest of the machine read-only, without what belongs to its users."""
    hostname = spec["hostname"].encode()
    kernel.call("hostname", "sethostname", hostname, len(hostname))
    mount(b"", b"/", flags=REC | PRIVATE)
    mount(b"tmpfs", b"/tmp", b"tmpfs", NOSUID | NODEV, b"mode=1777")
    os.mkdir(PLACE)  # noqa: PTH102 - no pathlib after the namespaces: it would be one more module to load
    mount(b".", PLACE.encode(), flags=BIND | REC)
    _set_read_only("/", _ATTR_RDONLY, _AT_RECURSIVE)
    for path in ("/tmp", PLACE):
        _set_read_only(path, 0, 0)
    for name in spec["read_only"]:
        shown = f"{PLACE}/{name}".encode()
        kernel.bind_read_only(shown, shown)
    for path in _HIDDEN:
        if os.path.isdir(path):  # noqa: PTH112
            mount(b"tmpfs", path.encode(), b"tmpfs", NOSUID | NODEV, b"mode=755")
    with suppress(OSError):
        os.mkdir("/run/lock")  # noqa: PTH102
    with suppress(Failed):  # within a container whose own /proc is partly hidden, the kernel gives no new one
        mount(b"proc", b"/proc", b"proc", NOSUID | NODEV | NOEXEC)
    if spec["handler"]:
        _register(spec["handler"].encode("latin-1"))
    os.umask(0o022)
    os.chdir(PLACE)
    if spec["root"]:
        _mount_in_root(f"{PLACE}/{spec['root']}")


def _register(handler: bytes) -> None:
    """Tell this user namespace how to run programs of another architecture, which Linux 6.7 can. Raises Failed."""
    place = b"/proc/sys/fs/binfmt_misc"
    mount(b"binfmt_misc", place, b"binfmt_misc", NOSUID | NODEV | NOEXEC)
    try:
        Path(os.fsdecode(place), "register").write_bytes(handler)
    except OSError as error:
        raise Failed("mount", error) from error


def _mount_in_root(root: str) -> None:
    """What scripts expect in the root that they run in."""
    for name, mode in (("", 0o755), ("/proc", 0o555), ("/sys", 0o555), ("/dev", 0o755)):
        with suppress(FileExistsError):
            os.mkdir(root + name, mode)  # noqa: PTH102
    mount(b"/proc", f"{root}/proc".encode(), flags=BIND | REC)
    with suppress(Failed):
        mount(b"/sys", f"{root}/sys".encode(), flags=BIND | REC)
    mount_dev(root.encode(), own_nodes=False)


def _set_read_only(path: str, attributes: int, flags: int) -> None:
    """mount_setattr(2): make mounts read-only, or one writable. Raises Failed."""
    request = struct.pack("=4Q", attributes, _ATTR_RDONLY & ~attributes, 0, 0)
    where = ctypes.c_char_p(path.encode())
    if kernel.libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, where, flags, request, len(request)) != 0:
        raise Failed.now("mount", path)


def _start(spec: dict[str, Any]) -> NoReturn:
    try:
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"{spec['argv'][0]}: {error.strerror}\n".encode())
    os._exit(127)

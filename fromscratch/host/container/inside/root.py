"""Making the root of the command: with its own /proc, /sys and /dev, and without access to the machine's root."""

import ctypes
import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.devices import bind_file, mount_dev
from fromscratch.host.container.inside.kernel import BIND, NODEV, NOEXEC, NOSUID, RDONLY, REC, REMOUNT, Failed, mount
from fromscratch.host.container.inside.overlay import mount_overlay
from fromscratch.host.container.inside.owners import give


def prepare_root(spec: dict[str, Any]) -> bool:
    """Mount the filesystems of a container, and make its folder the root. Raises Failed.

    The answer is whether that root is an overlay over the folder, where one was asked for, and not the folder itself.
    """
    root = spec["root"].encode("utf-8", "surrogateescape")
    give(root, spec["owners"])
    own = bool(spec["layered"]) and mount_overlay(root, user_namespace=bool(spec["map"]))
    if not own:
        mount(root, root, flags=BIND | REC)
    with suppress(Failed):  # not allowed where the filesystem below has flags of its own
        mount(b"", root, flags=REMOUNT | BIND | NODEV | (NOSUID if spec["no_new_privileges"] else 0))
    for source, target in spec["binds"]:
        _bind(source.encode("utf-8", "surrogateescape"), root + target.encode("utf-8", "surrogateescape"))
    fresh = _mount_proc(root)
    emulated = bool(spec["handler"]) and fresh and _register(root, spec["handler"].encode("latin-1"))
    with suppress(Failed):
        mount(b"sysfs", root + b"/sys", b"sysfs", RDONLY | NOSUID | NODEV | NOEXEC)
    mount_dev(root, own_nodes=not spec["map"])
    if spec["emulator"] and not emulated:
        spec["prefix"] = [bind_file(spec["emulator"].encode(), root, b"/dev/emulator").decode()]
    os.chdir(root)
    _change_root()
    os.umask(0o022)
    if spec["resolver"]:
        _write_name_servers(spec["resolver"])
    if spec["open_ports"]:
        _open_ports()
    strict = not spec["map"]  # without a user namespace, a path that cannot be covered is a reason not to start
    for path in spec["read_only"]:
        _cover(path.encode(), strict, hidden=False)
    for path in spec["masked"]:
        _cover(path.encode(), strict, hidden=True)
    return own


def _bind(source: bytes, target: bytes) -> None:
    """Show something of the machine at a place of the root, read-only with all that is mounted there. Raises Failed."""
    mount(source, target, flags=BIND | REC)
    # In a user namespace the flags of the filesystem below are locked, and have to be given again.
    below = os.statvfs(target).f_flag
    locked = sum(flag for statvfs_flag, flag in kernel.LOCKED_FLAGS if below & statvfs_flag)
    mount(b"", target, flags=REMOUNT | BIND | RDONLY | NOSUID | locked)


def _mount_proc(root: bytes) -> bool:
    try:
        mount(b"proc", root + b"/proc", b"proc", NOSUID | NODEV | NOEXEC)
    except Failed:
        # Inside a container whose own /proc is partly hidden, the kernel gives no new one.
        with suppress(Failed):
            mount(b"/proc", root + b"/proc", flags=BIND | REC)
        return False
    return True


def _register(root: bytes, handler: bytes) -> bool:
    """Tell this user namespace how to run programs of the foreign architecture; Linux 6.7 and later can."""
    place = root + b"/proc/sys/fs/binfmt_misc"
    try:
        mount(b"binfmt_misc", place, b"binfmt_misc", NOSUID | NODEV | NOEXEC)
        Path(os.fsdecode(place), "register").write_bytes(handler)
    except (Failed, OSError):
        return False
    return True


def _change_root() -> None:
    """The working directory becomes the root, and nothing else stays reachable."""
    if kernel.libc.pivot_root(b".", b".") == 0:
        kernel.call("root", "umount2", b".", kernel.DETACH)
    elif ctypes.get_errno() == errno.EINVAL:
        # The first filesystem of an initramfs cannot be pivoted away.
        os.chroot(".")
    else:
        raise Failed.now("root")
    os.chdir("/")


def _open_ports() -> None:
    """Let every user listen at ports below 1024, and ping, as in the containers of engines."""
    for name, value in (("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 2147483647")):
        with suppress(OSError):
            Path("/proc/sys/net/ipv4", name).write_text(value)


def _write_name_servers(text: str) -> None:
    """Make /etc/resolv.conf anew: it may be a symlink to what no program here writes."""
    place = Path("/etc/resolv.conf")
    with suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_text(text)


def _cover(path: bytes, strict: bool, *, hidden: bool) -> None:
    """Make a file of /proc or /sys read-only, or hide it. Raises Failed if that cannot be done and `strict` holds."""
    if not os.path.lexists(path):
        return
    flags = NOSUID | NODEV | NOEXEC
    try:
        if not hidden:
            mount(path, path, flags=BIND | REC)
            mount(b"", path, flags=REMOUNT | BIND | RDONLY | flags)
        elif Path(os.fsdecode(path)).is_dir():
            mount(b"tmpfs", path, b"tmpfs", RDONLY | flags, b"size=0,nr_inodes=2")
        else:
            mount(b"/dev/null", path, flags=BIND)
    except Failed as failure:
        # In a user namespace the kernel guards them by itself; a foreign /proc may refuse mounts.
        if strict and not kernel.is_absent(failure):
            raise

"""The devices of a container: nodes of its own if it may make them, else read-only bind mounts of the machine's."""

import os
from contextlib import suppress

from fromscratch.host.container.inside.kernel import NODEV, NOEXEC, NOSUID, Failed, bind_read_only, mount

_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_CHARACTER = 0o020000


def mount_dev(root: bytes, *, own_nodes: bool) -> None:
    """Fill /dev. Changes of a node's mode or owner in it do not reach the machine. Raises Failed."""
    dev = root + b"/dev"
    mount(b"tmpfs", dev, b"tmpfs", NOSUID, b"mode=0755,size=64k,nr_inodes=64")
    before = os.umask(0)
    for name, number in _DEVICES.items():
        place = b"/dev/" + name.encode()
        try:
            if not own_nodes:
                raise PermissionError
            os.mknod(root + place, _CHARACTER | 0o666, os.makedev(*number))
        except OSError:  # user namespaces may not, nor may a container whose list of devices is short
            with suppress(Failed, OSError):
                bind_file(place, root, place)
    os.umask(before)
    for name, target in _LINKS.items():
        os.symlink(target, dev + b"/" + name.encode())  # noqa: PTH211 - paths are bytes here
    for name, kind, options in (
        ("pts", b"devpts", b"newinstance,ptmxmode=0666,mode=0620"),
        ("shm", b"tmpfs", b"mode=1777,size=64m"),
    ):
        place = dev + b"/" + name.encode()
        os.mkdir(place, 0o755)  # noqa: PTH102 - paths are bytes here
        with suppress(Failed):
            mount(kind, place, kind, NOSUID | NOEXEC | (0 if name == "pts" else NODEV), options)


def bind_file(source: bytes, root: bytes, place: bytes) -> bytes:
    """Show one file of the machine inside, read-only: a device can be used all the same. Raises Failed, OSError."""
    os.close(os.open(root + place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        bind_read_only(source, root + place, flags=NOSUID)
    except Failed:
        with suppress(OSError):
            os.unlink(root + place)  # noqa: PTH108 - paths are bytes here
        raise
    return place

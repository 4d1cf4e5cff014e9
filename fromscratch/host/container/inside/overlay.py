"""A root that is a filesystem of its own: an overlay over a folder that stays as it is, its changes in memory."""

import os
import shutil
from contextlib import suppress

from fromscratch.host.container.inside.kernel import DETACH, NODEV, Failed, call, mount

_CHANGES = b"changes"


def mount_overlay(root: bytes, *, user_namespace: bool) -> bool:
    """Mount it over `root`, which has an empty folder `changes` beside it; False where the kernel does not let us.

    In a user namespace that takes Linux 5.11. The working directory is the folder of `root` afterwards.
    """
    place, name = os.path.split(root)
    os.chdir(place)  # the options then hold no name with a comma or a colon
    try:
        mount(b"tmpfs", _CHANGES, b"tmpfs", NODEV, b"mode=0700")
        try:
            upper, work = _CHANGES + b"/upper", _CHANGES + b"/work"
            os.mkdir(work)  # noqa: PTH102 - paths are bytes here
            _copy_folder(name, upper)
            options = b"lowerdir=%b,upperdir=%b,workdir=%b" % (name, upper, work)
            mount(b"overlay", name, b"overlay", 0, options + (b",userxattr" if user_namespace else b""))
        except (Failed, OSError):
            call("mount", "umount2", _CHANGES, DETACH)
            return False
    except (Failed, OSError):
        return False
    return True


def _copy_folder(source: bytes, target: bytes) -> None:
    """An empty folder with the owner, mode, times and attributes of another: the root shows those of the upper one."""
    known = os.stat(source)  # noqa: PTH116 - paths are bytes here
    os.mkdir(target)  # noqa: PTH102
    with suppress(OSError):  # an owner who has no number in this namespace
        os.chown(target, known.st_uid, known.st_gid)
    shutil.copystat(source, target)

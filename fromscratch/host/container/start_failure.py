"""Errors for a container that could not be started: what failed inside, and what to do about it."""

import errno
import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from fromscratch.errors import CannotStart, ImageError, MissingTool
from fromscratch.model.image import Platform


class _Reason(Struct, frozen=True):
    message: str
    hint: str


def error_for(failure: dict[str, Any], words: list[str], platform: Platform) -> Exception:
    """The error for what `host.container.inside` reported: `step`, `errno`, `text`."""
    step, number, text = failure["step"], failure["errno"], failure["text"]
    match step:
        case "exec":
            return cannot_start(number, words[0], platform)
        case "cwd":
            return ImageError(f"cannot enter the image's working directory: {text}", "fix image.workdir of the recipe")
        case "namespaces" | "mount" | "root" if what := missing_prerequisite():
            return MissingTool(f"{what} ({text})", _OUTSIDE)
        case "namespaces":
            return MissingTool(
                f"the kernel does not let this user make namespaces ({text})",
                "allow it (sysctl kernel.unprivileged_userns_clone=1 on Debian,"
                " kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu), install podman, or run it as root;"
                " in a chroot ordinary users cannot make any",
            )
        case "mount" | "root":
            return MissingTool(
                f"the kernel does not let this user prepare a private root ({text})",
                "install podman or docker, or run it as root outside of a container",
            )
        case "listener":
            return MissingTool(
                f"the kernel does not let this user listen to system calls ({text})",
                "it needs Linux 5.0 or later with CONFIG_SECCOMP_FILTER, and no other listener: record in another way",
            )
        case "privileges":
            return MissingTool(
                f"the kernel does not let this user confine a command ({text})",
                "it needs seccomp filters (CONFIG_SECCOMP_FILTER); run it in an engine on another machine",
            )
    return RuntimeError(f"the private root failed:\n{text}")


_OUTSIDE = (
    "run it outside of the chroot, or make the chroot with:"
    " mount --bind DIR DIR, mount -t proc proc DIR/proc, chroot DIR"
)


def missing_prerequisite() -> str:
    """What this machine lacks that every private root needs; empty if nothing."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return "nothing can be started here: /proc is not mounted"
    if all(line.split()[4] != "/" for line in mounts):
        return "nothing can be started in this chroot: its root is not a mount point"
    return ""


def cannot_start(number: int, program: str, platform: Platform) -> CannotStart:
    """The error for a program that execve(2) refused with this number."""
    reason = _reason(number, platform)
    missing = number == errno.ENOENT
    return CannotStart(f"cannot run {program!r} in the image: {reason.message}", reason.hint, missing=missing)


def _reason(number: int, platform: Platform) -> _Reason:
    match number:
        case errno.ENOENT:
            return _Reason("there is no such program", "ls shows what the image holds; give another command after --")
        case errno.EACCES:
            return _Reason("it is not executable for the image's user", "see its mode with ls, and image.user")
        case errno.ELIBACC:
            return _Reason(
                "the interpreter or loader that it names is not in the image", "bring that file too: closure shows it"
            )
        case errno.ENOEXEC:
            return _Reason(f"it is not a program for {platform}", "see that it was built for this platform")
    return _Reason(os.strerror(number), "see whether the file is damaged")

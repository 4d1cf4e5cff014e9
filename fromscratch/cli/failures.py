"""Failures as the user reads them."""

import errno
import os
import re

from fromscratch.errors import ImageError

_STEERING = r"[^\n\t\x20-\x7e\xa0-\U0010ffff]"  # compiled by who fails: that takes as long as a small closure


def refused(error: OSError) -> ImageError:
    """What the operating system refused where no lower room said more about it: it is never a bug of ours alone."""
    about = f"cannot use {os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    hint = "see whether the path is right, and whether you may use it"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some room and run it again"
    return ImageError(f"{about}{error.strerror}", hint)


def explained(error: ImageError) -> str:
    """A failure as the user reads it: what failed, then what to do.

    Either may repeat words of an image, a registry or a program: those that would steer a terminal are shown as \\xNN.
    """
    text = f"error: {error.message}"
    text = f"{text}\n hint: {error.hint}" if error.hint else text
    return re.sub(_STEERING, lambda found: f"\\x{ord(found[0]):02x}", text)


def unwritten(error: OSError) -> ImageError:
    """What standard output refused."""
    return ImageError(
        f"the answer cannot be written: {error.strerror}", "see where standard output leads, and run it again"
    )

"""The standard streams of this process, whatever we were started with."""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper

from fromscratch.errors import ImageError, UsageError

STDOUT = "/dev/stdout"
_NAMES_OF_STDOUT = ("-", STDOUT, "/dev/fd/1", "/proc/self/fd/1")


def make_whole() -> None:
    """Open closed streams on /dev/null, and let every name be printed, whatever the locale can spell.

    A name that is not UTF-8 leaves as the bytes that it has; what another encoding lacks is escaped.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            _open_null(number)
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # it lasts as long as we do
    if isinstance(sys.stdout, TextIOWrapper):
        utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


def say(text: str) -> None:
    """Print an answer. Raises ImageError where it cannot be written, BrokenPipeError where nobody reads it."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_stdout()
        hint = "see where standard output leads, and run it again"
        raise ImageError(f"the answer cannot be written: {error.strerror}", hint) from error


def complain(text: str) -> None:
    """Print what failed, if standard error still works; if not, the exit code has to do."""
    if text:
        with suppress(OSError):
            print(text, file=sys.stderr)


def place(output: str, form: str, *, json: bool) -> str:
    """Where an image of this form is to be written: `output`, of which - is standard output.

    Raises UsageError, and ImageError where standard output leads nowhere.
    """
    if output not in _NAMES_OF_STDOUT:
        return output
    from fromscratch.images import catalogue

    if catalogue.by_word(form).place == "folder":
        raise UsageError("an OCI layout is a folder, which standard output cannot hold", "say --to oci-archive")
    if json:
        raise UsageError("standard output can hold the image or the JSON, not both", "leave out --json, or name a file")
    if sys.stdout.isatty():
        raise UsageError("standard output is a terminal: an image would garble it", "say --output FILE, or | PROGRAM")
    if sys.stdout.name == os.devnull:  # the place that we have given it: one that it was started with has no such name
        raise ImageError("standard output is closed, so the image would go nowhere", "say --output FILE, or | PROGRAM")
    return STDOUT


def forget_stdout() -> None:
    """Drop what is still to be written to standard output, so that Python does not try again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _open_null(number: int) -> None:
    """Open /dev/null under this number: else a file opened later would get it, and what programs write to that stream.

    Programs that we start get it too.
    """
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
        os.set_inheritable(number, True)

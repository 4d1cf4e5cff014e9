"""The one place where failures become text and exit codes. A bug keeps its traceback."""

import os

from fromscratch.cli.output.settings import spelled
from fromscratch.errors import DiskFull, ImageError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.named_tuple import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fromscratch.cli.call import Call

_STEERING = lazy_regex(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]")

INTERRUPTED = 130
_SHORT_OF_MEMORY = ("cannot allocate memory", "failed to map segment")


class Exit(Exception):
    """The program is to end with this exit code, and with these words on standard error."""

    def __init__(self, message: str = "", *, code: int) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class Ending(NamedTuple):
    """What is printed to standard error, if anything, and the exit code."""

    text: str
    code: int


def ending(error: BaseException, call: "Call | None") -> Ending | None:
    """How the program ends that failed in this way, while it did this call; None for a bug."""
    from fromscratch.cli import interruptions
    from fromscratch.cli.output import streams

    if isinstance(error, Exit):
        return Ending(error.message, error.code)
    if isinstance(error, ImageError):
        return Ending(explained(_fitting(error, call)), error.exit_code)
    if interruptions.is_one(error):
        return Ending("\ninterrupted; the same command goes on from here" if call else "\ninterrupted", INTERRUPTED)
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone (ls | head): stop quietly, as cat does.
        streams.forget_stdout()
        return Ending("", 0)
    if isinstance(error, OSError) and error.errno is not None:
        return Ending(explained(_fitting(refused(error), call)), ImageError.exit_code)
    lack = of_the_machine(error)
    return Ending(explained(lack), lack.exit_code) if lack else None


def _fitting(error: ImageError, call: "Call | None") -> ImageError:
    """With the hint that fits, where that depends on the machine, or on where the store lies."""
    from fromscratch.host.storage import os_errors

    if lack := os_errors.of_the_machine(error.__cause__):
        error.hint = lack
    if call is None or not isinstance(error, DiskFull):
        return error
    try:
        return with_the_store_in_mind(error, str(call.store.root))
    except (OSError, ImageError):
        return error


def refused(error: OSError) -> ImageError:
    """What the operating system refused where no lower room said more about it: it is never a bug of ours alone."""
    import errno

    from fromscratch.host.storage import os_errors as said

    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    what = f"{f'cannot use {name}: ' if name else ''}{error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(what, "free some room and run it again", name)
    return ImageError(what, said.hint(error) or "see whether the path is right, and whether you may use it")


def of_the_machine(error: BaseException | None) -> ImageError | None:
    """What Python has kinds of its own for, and is yet a limit of this machine: memory, and threads."""
    from fromscratch.host.storage import os_errors as said

    text = str(error).lower()
    if isinstance(error, MemoryError) or (
        isinstance(error, ImportError) and any(words in text for words in _SHORT_OF_MEMORY)
    ):
        return ImageError("there is not enough memory for this", said.MEMORY)
    if isinstance(error, RuntimeError) and "can't start new thread" in text:
        return ImageError("no further thread can be started", said.THREADS)
    return None


def with_the_store_in_mind(error: ImageError, store: str) -> ImageError:
    """The same failure; where it is a lack of room on the disk that the store lies on, it says how to free that."""
    from pathlib import Path

    from fromscratch.advice import advice
    from fromscratch.host.storage.os_errors import existing

    if not isinstance(error, DiskFull) or not error.place or not Path(store).is_dir():
        return error
    if existing(Path(error.place)).stat().st_dev != Path(store).stat().st_dev:
        return error
    hint = advice(error.hint, "; the store lies there too: `fromscratch store prune --keep-size 1G` makes it smaller")
    return DiskFull(error.message, hint, error.place)


def explained(error: ImageError) -> str:
    """A failure as the user reads it: what failed, then what to do.

    Either may repeat words of an image, a registry or a program: those that would steer a terminal are shown as \\xNN.
    """
    text = f"error: {spelled(error.message)}"
    text = f"{text}\n hint: {spelled(error.hint)}" if error.hint else text
    return _STEERING.sub(lambda found: f"\\x{ord(found[0]):02x}", text)

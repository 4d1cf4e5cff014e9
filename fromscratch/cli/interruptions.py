"""Interruptions of this process: SIGTERM cleans up exactly as Ctrl-C does, and neither is lost."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SOON, _PATIENCE = 0.01, 300  # seconds, and how often an interruption may be put off for so long
_TICK = 0.5  # seconds
_pending = False
_put_off = 0
_latest = int(signal.SIGINT)


def heed() -> None:
    """Raise KeyboardInterrupt where this process is, so that everything below unwinds."""
    if not _in_main_thread():
        return  # Python delivers signals to the main thread alone, whose caller handles them
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for a command in the background
        signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGALRM, _interrupted)
    sys.unraisablehook = _unraisable
    # Python notes a signal, and handles it when the main thread runs Python code again. One that comes just before a
    # system call blocks does not end that call: a wait for another thread or program would go on. A tick ends it.
    _come_again(_TICK)


@contextmanager
def heeded() -> Iterator[None]:
    """Turn signals into KeyboardInterrupt for the block, which cleans up after itself or loads modules."""
    heed()
    try:
        yield
    finally:
        heed_no_more()


def is_one(error: BaseException | None) -> bool:
    """Whether this is an interruption, or what Python up to 3.11 makes of one that comes while a class is made."""
    return isinstance(error, KeyboardInterrupt) or (
        isinstance(error, RuntimeError) and isinstance(error.__cause__, KeyboardInterrupt)
    )


def latest() -> int:
    """The signal that interrupted this process last."""
    return _latest


def heed_no_more() -> None:
    """Let a signal end this process at once: all is cleaned up, and an exception could only print a traceback."""
    if _in_main_thread():
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)


def _come_again(seconds: float) -> None:
    """Have SIGALRM come after so many seconds, and then at every tick. The timer is not inherited by programs."""
    signal.setitimer(signal.ITIMER_REAL, seconds, _TICK)


def _in_main_thread() -> bool:
    """Where nothing has loaded threading, there is one thread, and loading it would double the start of a closure."""
    threading = sys.modules.get("threading")
    return threading is None or threading.current_thread() is threading.main_thread()


def _interrupted(number: int, frame: FrameType | None) -> None:
    # While modules are loaded, C code makes types of them, and some of it (msgspec 0.22) loses an interruption, goes
    # on with half a type, and crashes later.
    global _pending, _put_off, _latest
    if number != signal.SIGALRM:
        _latest, _pending = number, True
    if not _pending:
        return  # a tick
    if _is_loading(frame) and _put_off < _PATIENCE:
        _put_off += 1
        _come_again(_SOON)
        return
    _pending, _put_off = False, 0
    raise KeyboardInterrupt


def _is_loading(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _unraisable(lost: "sys.UnraisableHookArgs") -> None:
    # Python lets nothing out of a destructor or a callback of its own, and an interruption may come just there.
    global _pending
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _pending = True
        _come_again(_SOON)
    else:
        sys.__unraisablehook__(lost)

"""Names of signals, as images and engines write them."""

import re
import signal

from fromscratch.errors import UsageError

_REAL_TIME = re.compile(r"(?:SIG)?RT(MIN|MAX)(?:([+-])(\d{1,2}))?")


def number_of(name: str) -> int:
    """The number of SIGTERM, TERM, 15 or SIGRTMIN+3. Raises UsageError."""
    text = name.strip().upper()
    if text.isascii() and text.isdigit() and len(text) < 3 and 0 < int(text) <= signal.SIGRTMAX:
        return int(text)
    if found := _REAL_TIME.fullmatch(text):
        first = signal.SIGRTMIN if found[1] == "MIN" else signal.SIGRTMAX
        number = first + int(f"{found[2] or '+'}{found[3] or 0}")
        if signal.SIGRTMIN <= number <= signal.SIGRTMAX:
            return number
    known = getattr(signal, text if text.startswith("SIG") else f"SIG{text}", None)
    if isinstance(known, signal.Signals):
        return int(known)
    raise UsageError(f"{name!r} is not a signal", "write SIGTERM or 15")

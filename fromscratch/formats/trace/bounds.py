"""What a trace file may hold: the bytes of a line and a path, the lines, and the events, which take memory."""

from collections.abc import Iterable, Iterator

from fromscratch.errors import FormatError, TooLarge

LINE, LINES, EVENTS = 1 << 20, 200_000_000, 4_000_000
PATH = 3 * 4096
"""A root, a working folder, and what was asked for there. No kernel takes a longer path."""


def checked_lines(lines: Iterable[bytes], what: str) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, from 1, without their ends. Raises FormatError and TooLarge, which name `what`."""
    for number, line in enumerate(lines, 1):
        if len(line) > LINE:
            raise FormatError(
                f"line {number} of {what} has {len(line)} bytes; a trace has no line of more than {LINE}",
                "see whether it is a trace file at all",
            )
        if number > LINES:
            raise TooLarge(f"{what} has more than {LINES} lines", "record shorter runs, and give their files together")
        yield number, line.rstrip(b"\r\n")


def check_events(count: int, what: str) -> None:
    """Raises TooLarge if there are more different events than memory should be used for."""
    if count > EVENTS:
        raise TooLarge(
            f"{what} has more than {EVENTS} different events", "leave folders out of what is recorded, such as caches"
        )

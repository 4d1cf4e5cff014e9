"""What a shell works with when not everything is known: values that may be in doubt, and how commands leave off."""

from typing import TypeGuard

from msgspec import Struct


class Doubt(Struct, frozen=True):
    """A value that nobody knows without running a program; `why` says which, for messages."""

    why: str


Value = str | Doubt
"""Text; bytes that are not UTF-8 are lone surrogates, as in paths."""
Status = int | None
"""How a command ended: 0 is success, None that nobody knows."""


class Doubtful(Exception):
    """A word or a condition depends on a value in doubt."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt.why)
        self.doubt = doubt


class Leaving(Exception):
    """A command ends more than itself."""


class Exit(Leaving):
    """`exit`: the shell ends."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


class Failed(Exit):
    """The shell ends because a command fails under `set -e`, or because of a fault in a special command."""

    def __init__(self, status: Status, why: str) -> None:
        super().__init__(status)
        self.why = why


class Return(Leaving):
    """`return`: a function, or a file that `.` reads, ends."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


class Break(Leaving):
    """`break`, or `continue` with `again`: loops end, as many as `levels`."""

    def __init__(self, levels: int, again: bool) -> None:
        super().__init__(levels)
        self.levels, self.again = levels, again


class Fault(Exception):
    """An expansion or a special command that ends the shell, such as `${name:?}`: XCU 2.8.1."""


def known(values: list[Value]) -> TypeGuard[list[str]]:
    """Whether none of the values is in doubt."""
    return not any(isinstance(value, Doubt) for value in values)


def first_doubt(values: list[Value]) -> Doubt | None:
    """The first value in doubt."""
    return next((value for value in values if isinstance(value, Doubt)), None)


def raw(text: str) -> bytes:
    """The bytes of a text of the shell; what stands for no byte becomes a question mark."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def text(data: bytes) -> str:
    """The text of any bytes; a shell drops NUL bytes."""
    return data.replace(b"\0", b"").decode("utf-8", "surrogateescape")

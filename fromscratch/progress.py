"""The interface by which long work reports its progress. `cli/` draws bars of it; a library user may ignore it."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol


class Task(Protocol):
    """A piece of work in progress."""

    def advance(self, amount: int) -> None:
        """Report that `amount` more units are done. May be called from any thread."""

    def describe(self, text: str) -> None:
        """Say in a few words what is being done now."""

    def expect(self, total: int) -> None:
        """Set the total of units, when it becomes known or changes."""

    def pulse(self, text: str = "", left: float | None = None) -> None:
        """Say that the work goes on inside what was described last. Cheap: it may be called every second.

        `text` says how far that is, such as "4312 lines"; `left` is how many seconds
        the whole is expected to take still.
        """


class Progress(Protocol):
    """The receiver of reports. All methods may be called from any thread."""

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        """Start a piece of work of `total` units (None: unknown).

        `unit` is "B" for bytes; "work" is shown as a percentage.
        """

    def note(self, text: str) -> None:
        """Report one line, such as a decision that was made for the user."""


class _SilentTask:
    def __enter__(self) -> "_SilentTask":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def advance(self, amount: int) -> None: ...

    def describe(self, text: str) -> None: ...

    def expect(self, total: int) -> None: ...

    def pulse(self, text: str = "", left: float | None = None) -> None: ...


class Silent:
    """A receiver that ignores all reports."""

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        return _SilentTask()

    def note(self, text: str) -> None: ...


SILENT: Progress = Silent()

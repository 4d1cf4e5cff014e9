"""How long work tells how far it is. `cli/` draws it; a library user may ignore it."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: int) -> None:
        """`amount` more units are done. May be called from any thread."""

    def describe(self, text: str) -> None:
        """What is being done at this moment, in a few words."""

    def expect(self, total: int) -> None:
        """The whole amount of units has become known, or has changed."""


class Progress(Protocol):
    """Where work reports to. All methods may be called from any thread."""

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        """A new piece of work of `total` units (None: not known). `unit` is "B" for bytes."""

    def note(self, text: str) -> None:
        """One line worth telling, such as a decision that was taken for the user."""


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


class Silent:
    """Progress that nobody watches."""

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        return _SilentTask()

    def note(self, text: str) -> None: ...


SILENT: Progress = Silent()

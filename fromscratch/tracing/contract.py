"""What every recorder can do, and what it says of itself."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from fromscratch.tracing.recording import Recording
from fromscratch.tracing.watch import ContainerWatch

Target = Literal["command", "image"]
"""What is recorded: a command on this machine, or containers of an image."""


class Recorder(Protocol):
    """One way of recording. `name` is what it is called by, `about` how it works, in half a sentence.

    `remedy` is what to do where it does not work.
    """

    name: str
    about: str
    remedy: str
    targets: tuple[Target, ...]

    def refusal(self) -> str:
        """Why it cannot record here; empty if it can. Found out by trying, but nothing is left behind."""

    def command(self, words: Sequence[str], recording: Recording, leaves: Callable[[int], object]) -> int:
        """Run a command on this machine, with the caller's streams, and record it; the answer is its exit code.

        `leaves` is called with that code when the command has ended and left processes behind: if it answers False they
        are ended, else they are recorded until they end, or an interruption ends them. Raises CannotStart.
        """

    def watch(self, recording: Recording) -> AbstractContextManager[ContainerWatch]:
        """What records the containers that get it, while the block lasts."""

"""A command of a script that was not followed, and what an image lacks for it."""

from typing import Literal

from msgspec import Struct

Matter = Literal["account", "owner", "content", "folder", "link", "program", "cache"]
"""What an image lacks when a command is left out, the gravest first."""


class LeftOut(Struct, frozen=True, order=True):
    """A command that was not followed: where it stands, how it is written, why, and what the image lacks for it."""

    package: str
    script: str
    line: int
    command: str
    why: str
    matter: Matter

    @property
    def place(self) -> str:
        """Where the command stands; what is said of a whole file has no line."""
        return f"line {self.line} of the {self.script}" if self.line else self.script

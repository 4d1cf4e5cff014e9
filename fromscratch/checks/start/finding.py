"""What the start check says of an image."""

from typing import Literal

from msgspec import Struct

Level = Literal["error", "note"]
"""error: a container of the image cannot start, or is never healthy; note: something in it may not work."""

Lack = Literal["account", "shell", "temporary folder", "certificates", "locale", "time zone", "name services"]
"""What an image may lack that programs often ask for while they run."""


class Finding(Struct, frozen=True):
    """`text` says what is wrong with what, and `hint` what to do about it."""

    level: Level
    text: str
    hint: str

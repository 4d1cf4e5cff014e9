"""What the start check says of an image."""

from typing import Literal

from msgspec import Struct

Level = Literal["error", "note"]
"""error: a container of the image cannot start, or is never healthy; note: something in it may not work."""


class Finding(Struct, frozen=True):
    """`text` says what is wrong with what, and `hint` what to do about it."""

    level: Level
    text: str
    hint: str

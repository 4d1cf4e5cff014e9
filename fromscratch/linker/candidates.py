"""What GLIBC's loader makes of a file that it cannot take: `open_verify` of elf/dl-load.c.

It looks at one thing after the other, and passes over a file of another class or machine whatever else is wrong.
"""

from fromscratch.formats.elf.headers import MAGIC, Elf
from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

HEADER = {32: 52, 64: 64}
_CLASSES = {32: 1, 64: 2}


def is_passed_over(head: bytes, like: Elf) -> bool:
    """Whether the loader of programs like this one goes on behind a file that begins so."""
    if len(head) < HEADER[like.bits] or head[:4] != MAGIC:
        return False
    if head[4] != _CLASSES[like.bits]:
        return True
    order: Literal["big", "little"] = "big" if like.big_endian else "little"
    if head[5] != (2 if like.big_endian else 1) or head[6] != 1:
        return False
    machine, version = int.from_bytes(head[18:20], order), int.from_bytes(head[20:24], order)
    return version == 1 and machine != like.machine

"""ld.so.conf(5): the directories that ldconfig scans besides those that the loader searches anyway."""

import re
from typing import NamedTuple

from fromscratch.lazy_regex import lazy_regex


class Include(NamedTuple):
    """Further files: globs, as glob(7), of which the relative ones start in the folder of the including file."""

    patterns: tuple[str, ...]


class Listed(NamedTuple):
    """A directory as it is written, without slashes at its end."""

    directory: str


Line = Include | Listed

_SPACE = " \t\n\v\f\r"
_INCLUDE = lazy_regex(r"include[ \t]")
_HWCAP = lazy_regex(r"hwcap[ \t]", re.IGNORECASE)
_TYPE = lazy_regex(r"=(libc4|libc5|libc6|glibc2)[ \t\v\f\r]*\Z")


def parse(text: str) -> tuple[Line, ...]:
    """What ldconfig reads from a file of this text, in order.

    Comments run from any # to the end of the line. The library type that older files append to a directory
    (/usr/lib=libc5) and `hwcap` lines mean nothing any more. The root itself cannot be listed.
    """
    return tuple(line for row in text.split("\n") if (line := _line(row)) is not None)


def _line(row: str) -> Line | None:
    row = re.split(r"[#\0]", row, maxsplit=1)[0].lstrip(_SPACE)
    if _INCLUDE.match(row):
        return Include(tuple(word for word in re.split(r"[ \t]", row[8:]) if word))
    if _HWCAP.match(row):
        return None
    directory = _TYPE.sub("", row).rstrip(_SPACE).rstrip("/")
    return Listed(directory) if directory else None

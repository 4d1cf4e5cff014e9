"""The data and holes of a sparse file, so that holes need not be read.

Reading a hole for the first time costs more than hashing it, since the kernel keeps pages of zeros for it.
"""

import errno
import os
from collections.abc import Iterator

_BLOCK = 512  # what stat(2) counts st_blocks in, whatever the filesystem


def extents(descriptor: int, size: int) -> Iterator[tuple[int, int, bool]]:
    """The pieces of an open file of `size` bytes, in order: start, end, and whether it is a hole.

    A file without holes is one piece, and so is one whose filesystem does not report them (lseek(2),
    SEEK_HOLE). Nothing is said about bytes that others change meanwhile.
    """
    position = 0
    if os.fstat(descriptor).st_blocks * _BLOCK < size:
        while position < size:
            data = _seek(descriptor, position, os.SEEK_DATA, size)
            if data is None:
                break
            if data > position:
                yield position, data, True
            position = data
            if position < size:
                end = _seek(descriptor, position, os.SEEK_HOLE, size)
                if end is None or end == position:
                    break
                yield position, end, False
                position = end
    if position < size:
        yield position, size, False


def _seek(descriptor: int, position: int, whence: int, size: int) -> int | None:
    """Where the next data or hole begins, at most `size`; None if the filesystem cannot tell."""
    try:
        return min(os.lseek(descriptor, position, whence), size)
    except OSError as error:
        return size if error.errno == errno.ENXIO else None  # no data from here to the end

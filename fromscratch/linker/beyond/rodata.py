"""The constant data of an object, which has the names of files that it opens: what it maps read-only."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from fromscratch.errors import NotInTree
from fromscratch.formats.elf.headers import PT_LOAD, Elf, Read
from fromscratch.linker.beyond.contract import Scene
from fromscratch.model import view as views
from fromscratch.model.content import Content
from fromscratch.model.entry import File
from fromscratch.paths import TreePath, decode

_PIECE = 1 << 20
_OVERLAP = 4096  # PATH_MAX: no name that can be opened is longer
_SHORT = 64  # what a match has at most before its end, where that is searched first
_PF_X, _PF_W = 1, 2


@contextmanager
def reading(scene: Scene, place: TreePath) -> Iterator[Read]:
    """The file at this place, to be read by offset and size. Raises NotInTree for what is not a file, and
    ImageError for one that cannot be read."""
    content = _content(scene, place)
    with content.open() as stream:
        end = content.size

        def read(offset: int, size: int) -> bytes:
            if not 0 <= offset < end:
                return b""
            stream.seek(offset)
            return stream.read(min(size, end - offset))

        yield read


def spans(elf: Elf) -> list[tuple[int, int]]:
    """Where in the file its constant data lies, as (offset, size), in order and without overlap.

    That is what is loaded without a right to write, and without one to execute where the linker kept
    constants apart from code; all that is loaded, where it kept nothing apart.
    """
    loads = [segment for segment in elf.segments if segment.type == PT_LOAD]
    constant = [segment for segment in loads if not segment.flags & _PF_W]
    apart = [segment for segment in constant if not segment.flags & _PF_X]
    found: list[tuple[int, int]] = []
    for start, size in sorted((segment.offset, segment.size) for segment in apart or constant or loads):
        end = start + size
        start = max([start, *(before + length for before, length in found)])
        if start < end:
            found.append((start, end - start))
    return found


def texts(
    scene: Scene, place: TreePath, pattern: re.Pattern[bytes], end: re.Pattern[bytes] | None = None
) -> tuple[str, ...]:
    """The first group of every match in the constant data of the object at this place, each once, in order.

    A match of more than 4096 bytes may be missed. The result for an unchanged file is cached, since
    finders are asked again and again. `end` matches the end of every match and nowhere else in one: a pattern that
    could begin at any letter is searched only before that. Raises NotInTree for what is not a file, as `reading` does.
    """
    return _texts(_content(scene, place), tuple(spans(scene.objects[place])), pattern, end)


def _content(scene: Scene, place: TreePath) -> Content:
    """The content of a file. Raises NotInTree: an empty content would hide what the file names."""
    entry = views.look(scene.view, place)
    if not isinstance(entry, File):
        raise NotInTree(f"{place} is not a file in the roots that are taken from", "see where its symlinks lead")
    return entry.content


@lru_cache(maxsize=1024)
def _texts(
    content: Content, places: tuple[tuple[int, int], ...], pattern: re.Pattern[bytes], end: re.Pattern[bytes] | None
) -> tuple[str, ...]:
    found: dict[bytes, None] = {}
    with content.open() as stream:
        for start, size in places:
            for offset in range(start, min(start + size, content.size), _PIECE):
                stream.seek(offset)
                piece = stream.read(min(_PIECE + _OVERLAP, start + size - offset))
                matches = pattern.finditer(piece) if end is None else _ending(pattern, end, piece)
                found.update((match[1], None) for match in matches)
    return tuple(decode(text) for text in found)


def _ending(pattern: re.Pattern[bytes], end: re.Pattern[bytes], piece: bytes) -> Iterator[re.Match[bytes]]:
    """The matches of a pattern, which are short and end as this."""
    done = 0
    for at in end.finditer(piece):
        match = pattern.search(piece, max(done, at.start() - _SHORT), at.end())
        if match is not None:
            done = match.end()
            yield match

"""Headers of packages, in packages and in the database of RPM: rpm's docs, "RPM v4 header format".

Behind a magic number, which the database leaves out, stand two numbers of 32 bits, the count of index entries and the
bytes of data; then the entries, each a tag, a type, an offset into the data and a count; then the data. All numbers
are big-endian.
"""

from collections.abc import Sequence
from struct import Struct as Layout

from fromscratch.errors import FormatError
from fromscratch.formats.installed import Installed, Package
from fromscratch.formats.rpm.tags import Tag
from fromscratch.paths import decode

_INT8, _INT16, _INT32, _INT64, _STRING, _BINARY, _STRINGS, _LOCALISED = 2, 3, 4, 5, 6, 7, 8, 9
_NUMBERS = {1: "B", _INT8: "B", _INT16: "H", _INT32: "I", _INT64: "Q"}
MOST_ENTRIES, MOST_DATA = 0xFFFF, 256 << 20  # those of rpm itself
START, ENTRY = Layout(">II"), Layout(">IIII")
_DATABASE = "a header in the database of RPM"


class Header:
    """The values of a header by their tags; of a tag that is there twice the first counts. `what` is for messages."""

    def __init__(self, blob: bytes | memoryview, what: str = _DATABASE) -> None:
        self._what = what
        if len(blob) < START.size:
            raise self.damaged("it is cut")
        count, size = START.unpack_from(blob)
        start = START.size + count * ENTRY.size
        if count > MOST_ENTRIES or size > MOST_DATA or start + size > len(blob):
            raise self.damaged(f"it would have {count} entries and {size} bytes of data")
        self._data = memoryview(blob)[start : start + size]
        self._index: dict[int, tuple[int, int, int]] = {}
        for position in range(count):
            tag, kind, offset, values = ENTRY.unpack_from(blob, START.size + position * ENTRY.size)
            self._index.setdefault(tag, (kind, offset, values))

    def __contains__(self, tag: int) -> bool:
        return tag in self._index

    def text(self, tag: int) -> str:
        """The first text of a tag; empty if there is none."""
        return next(iter(self.texts(tag)), "")

    def texts(self, tag: int) -> list[str]:
        """Raises FormatError for an entry that leads outside the data, as the others do."""
        kind, offset, count = self._index.get(tag, (_STRINGS, 0, 0))
        if kind not in (_STRING, _STRINGS, _LOCALISED):
            return []
        if not count:
            return []
        if offset + count > len(self._data):
            raise self.damaged("an entry leads outside its data")
        texts = bytes(self._data[offset:]).split(b"\0", count)
        if len(texts) <= count:
            raise self.damaged("an entry leads outside its data")
        return [decode(text) for text in texts[:count]]

    def numbers(self, tag: int) -> Sequence[int]:
        kind, offset, count = self._index.get(tag, (_INT32, 0, 0))
        if kind not in _NUMBERS:
            return ()
        layout = _NUMBERS[kind]
        size = {"B": 1, "H": 2, "I": 4, "Q": 8}[layout] * count
        if offset + size > len(self._data):
            raise self.damaged("an entry leads outside its data")
        return Layout(f">{count}{layout}").unpack_from(self._data, offset)

    def number(self, tag: int) -> int | None:
        """The first number of a tag, or None."""
        return next(iter(self.numbers(tag)), None)

    def binary(self, tag: int) -> bytes:
        kind, offset, count = self._index.get(tag, (_BINARY, 0, 0))
        if kind != _BINARY:
            return b""
        if offset + count > len(self._data):
            raise self.damaged("an entry leads outside its data")
        return bytes(self._data[offset : offset + count])

    def damaged(self, problem: str) -> FormatError:
        if self._what == _DATABASE:
            return FormatError(f"{self._what} is damaged: {problem}", "rebuild it: rpmdb --rebuilddb")
        return FormatError(f"{self._what} is damaged: {problem}", "remove it and run fetch again")


def installed(blob: bytes) -> Installed:
    """The package that a header of the database describes. Raises FormatError."""
    header = Header(blob)
    name, version = header.text(Tag.NAME), header.text(Tag.VERSION)
    if not name or not version:
        raise header.damaged("it has no name or no version")
    return Installed(Package("rpm", name, whole_version(header), header.text(Tag.ARCH)), file_names(header))


def whole_version(header: Header) -> str:
    """Epoch, version and release, such as 1:2.0-3; an epoch of 0 is left out."""
    epoch, release = header.number(Tag.EPOCH), header.text(Tag.RELEASE)
    return (f"{epoch}:" if epoch else "") + header.text(Tag.VERSION) + (f"-{release}" if release else "")


def file_names(header: Header) -> tuple[str, ...]:
    """The absolute paths of all files, in the order of the header. Raises FormatError."""
    names, folders, indexes = header.texts(Tag.BASE_NAMES), header.texts(Tag.DIR_NAMES), header.numbers(Tag.DIR_INDEXES)
    if not names:
        return tuple(header.texts(Tag.OLD_FILE_NAMES))
    if len(names) != len(indexes) or max(indexes) >= len(folders):
        raise header.damaged("its files and folders do not fit together")
    return tuple(f"{folders[index]}{name}" for index, name in zip(indexes, names, strict=True))

"""Headers of packages as the database of RPM holds them: rpm's docs, "RPM v4 header format", without the magic number.

Two numbers of 32 bits, the count of index entries and the bytes of data; the entries, each a tag, a type, an offset
into the data and a count; then the data. All numbers are big-endian.
"""

from collections.abc import Sequence
from struct import Struct as Layout

from fromscratch.errors import FormatError
from fromscratch.formats.installed import Installed, Package
from fromscratch.paths import decode

_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH = 1000, 1001, 1002, 1003, 1022
_OLD_FILENAMES, _DIR_INDEXES, _BASENAMES, _DIR_NAMES = 1027, 1116, 1117, 1118
_TAGS = frozenset((_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH, _OLD_FILENAMES, _DIR_INDEXES, _BASENAMES, _DIR_NAMES))
_INT32, _STRING, _STRINGS, _LOCALISED = 4, 6, 8, 9
_MOST_ENTRIES, _MOST_DATA = 0xFFFF, 256 << 20  # those of rpm itself
_START, _ENTRY = Layout(">II"), Layout(">IIII")
_Value = Sequence[str] | Sequence[int]


def installed(blob: bytes) -> Installed:
    """The package that a header describes. Raises FormatError."""
    tags = _tags(blob)
    name, version, release = (_text(tags, tag) for tag in (_NAME, _VERSION, _RELEASE))
    if not name or not version:
        raise _damaged("it has no name or no version")
    epoch = _numbers(tags, _EPOCH)
    whole = f"{epoch[0]}:" if epoch and epoch[0] else ""
    whole += f"{version}-{release}" if release else version
    return Installed(Package("rpm", name, whole, _text(tags, _ARCH)), _files(tags))


def _files(tags: dict[int, _Value]) -> tuple[str, ...]:
    names, folders, indexes = _texts(tags, _BASENAMES), _texts(tags, _DIR_NAMES), _numbers(tags, _DIR_INDEXES)
    if not names:
        return tuple(_texts(tags, _OLD_FILENAMES))
    if len(names) != len(indexes) or max(indexes) >= len(folders):
        raise _damaged("its files and folders do not fit together")
    return tuple(f"{folders[index]}{name}" for index, name in zip(indexes, names, strict=True))


def _tags(blob: bytes) -> dict[int, _Value]:
    if len(blob) < _START.size:
        raise _damaged("it is cut")
    count, size = _START.unpack_from(blob)
    start = _START.size + count * _ENTRY.size
    if count > _MOST_ENTRIES or size > _MOST_DATA or start + size > len(blob):
        raise _damaged(f"it would have {count} entries and {size} bytes of data")
    data = memoryview(blob)[start : start + size]
    found: dict[int, _Value] = {}
    for position in range(count):
        tag, kind, offset, values = _ENTRY.unpack_from(blob, _START.size + position * _ENTRY.size)
        if tag in _TAGS and tag not in found:
            found[tag] = _value(data, kind, offset, values)
    return found


def _value(data: memoryview, kind: int, offset: int, count: int) -> _Value:
    if kind == _INT32 and offset + 4 * count <= len(data):
        return Layout(f">{count}I").unpack_from(data, offset)
    if kind in (_STRING, _STRINGS, _LOCALISED) and offset + count <= len(data):
        texts = bytes(data[offset:]).split(b"\0", count)
        if len(texts) > count:
            return [decode(text) for text in texts[:count]]
    raise _damaged("an entry leads outside its data")


def _text(tags: dict[int, _Value], tag: int) -> str:
    return next(iter(_texts(tags, tag)), "")


def _texts(tags: dict[int, _Value], tag: int) -> list[str]:
    return [value for value in tags.get(tag, ()) if isinstance(value, str)]


def _numbers(tags: dict[int, _Value], tag: int) -> list[int]:
    return [value for value in tags.get(tag, ()) if isinstance(value, int)]


def _damaged(problem: str) -> FormatError:
    return FormatError(f"a header in the database of RPM is damaged: {problem}", "rebuild it: rpmdb --rebuilddb")

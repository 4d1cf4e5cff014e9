"""The time of installation in a header of the database of RPM: what differs there from run to run."""

from struct import Struct as Layout

from fromscratch.errors import FormatError

_INSTALL_TIME, _INSTALL_TRANSACTION = 1008, 1128
_INT32 = 4
_START, _ENTRY, _NUMBER = Layout(">II"), Layout(">IIII"), Layout(">I")


def with_install_time(blob: bytes, moment: int) -> bytes:
    """The header as if its package had been installed at `moment`, in seconds since 1970. Raises FormatError."""
    if len(blob) < _START.size:
        raise _damaged()
    count, size = _START.unpack_from(blob)
    start = _START.size + count * _ENTRY.size
    if start + size > len(blob):
        raise _damaged()
    made = bytearray(blob)
    for position in range(count):
        tag, kind, offset, values = _ENTRY.unpack_from(blob, _START.size + position * _ENTRY.size)
        if tag in (_INSTALL_TIME, _INSTALL_TRANSACTION) and (kind, values) == (_INT32, 1):
            if offset + _NUMBER.size > size:
                raise _damaged()
            _NUMBER.pack_into(made, start + offset, moment)
    return bytes(made)


def _damaged() -> FormatError:
    return FormatError("a header of the database of RPM is cut", "rebuild it: rpmdb --rebuilddb")

"""One header of a tar archive: ustar, and a pax extended header before it where ustar cannot say it.

Follows POSIX.1-2017, pax, sections "ustar Interchange Format" and "pax Interchange Format".
Extended attributes go into `SCHILY.xattr.` records, the form that every container engine reads.
"""

from functools import lru_cache
from struct import Struct
from zlib import adler32

from fromscratch.errors import FormatError
from fromscratch.model.entry import Meta, Xattrs
from fromscratch.paths import decode, encode

BLOCK = 512
NUL_BLOCK = bytes(BLOCK)
BILLION = 1_000_000_000
XATTR = b"SCHILY.xattr."

# name | mode, uid, gid | size | mtime | checksum | typeflag | linkname | magic to devminor | prefix | unused
_LAYOUT = Struct("100s24s12s12s8sc100s88s155s12x")
_MAX_NAME, _MAX_PREFIX = 100, 155
_MAX_ID = 0o7777777
_MAX_LONG = 0o77777777777
_BLANK_CHECKSUM = 8 * ord(" ")

Records = tuple[tuple[bytes, bytes], ...]


def header(
    name: bytes, flag: bytes, meta: Meta, *, size: int = 0, link: bytes = b"", device: tuple[int, int] = (0, 0)
) -> bytes:
    """The blocks that stand before the content of one entry; a multiple of 512 bytes.

    `flag` is the typeflag, `link` the linkname of a symlink or hard link, `device` major and minor.
    Raises FormatError for what no tar can hold.
    """
    if b"\0" in name or b"\0" in link:
        raise FormatError(f"{decode(name)!r} or its target holds a NUL byte", "give it another name")
    owner, owner_sum, owner_records = _owner(meta.mode, meta.uid, meta.gid)
    time, time_sum, time_records = _time(meta.mtime)
    rest, rest_sum = _rest(flag, device)
    records = owner_records + time_records
    prefix = b""
    if len(name) > _MAX_NAME or not name.isascii():
        prefix, name, records = _long_name(name, records)
    if len(link) > _MAX_NAME or not link.isascii():
        records = ((b"linkpath", link), *records)
        link = link[:_MAX_NAME]
    if size > _MAX_LONG:
        records = (*records, (b"size", b"%d" % size))
        size = 0
    if meta.xattrs:
        records += _xattrs(meta.xattrs, name)
    digits = b"%011o" % size
    # The lower half of an Adler-32 is 1 and the sum of the bytes, modulo 65521, which so few cannot reach;
    # that takes a fraction of the time of sum().
    varying = (adler32(name + prefix) & 0xFFFF) + (adler32(link + digits) & 0xFFFF) - 2
    checksum = varying + owner_sum + time_sum + rest_sum
    block = _LAYOUT.pack(name, owner, digits, time, b"%06o\0 " % checksum, flag, link, rest, prefix)
    return _extended(records) + block if records else block


def split(name: bytes) -> tuple[bytes, bytes] | None:
    """A long name as ustar's prefix and name, which a slash joins; None if it does not fit so."""
    cut = name.find(b"/", max(1, len(name) - _MAX_NAME - 1), len(name) - 1)
    if cut < 0 or cut > _MAX_PREFIX:
        return None
    return name[:cut], name[cut + 1 :]


def decimal_seconds(nanoseconds: int) -> bytes:
    """A time as pax writes it: decimal, exact, no idle zeros; 1500000000 is `1.5`."""
    sign = b"-" if nanoseconds < 0 else b""
    seconds, fraction = divmod(abs(nanoseconds), BILLION)
    whole = b"%b%d" % (sign, seconds)
    return whole + (b".%09d" % fraction).rstrip(b"0") if fraction else whole


def _long_name(name: bytes, records: Records) -> tuple[bytes, bytes, Records]:
    """Prefix, name and records for a name that does not fit the name field or is not ASCII."""
    parts = split(name) if name.isascii() else None
    if parts is not None:
        return *parts, records
    # Readers that know no pax at least see the beginning.
    return b"", name[:_MAX_NAME], ((b"path", name), *records)


def _xattrs(xattrs: Xattrs, name: bytes) -> Records:
    records = []
    for key, value in xattrs:
        if not key or "=" in key or "\0" in key:
            raise FormatError(
                f"{decode(name)} has the extended attribute {key!r}, a name that no tar can hold",
                "rename or remove that attribute",
            )
        records.append((XATTR + encode(key), value))
    return tuple(records)


def _extended(records: Records) -> bytes:
    """The extended header (typeflag x) that holds these records, with its own header block."""
    if not all(_is_utf8(value) for key, value in records if key in (b"path", b"linkpath")):
        records = ((b"hdrcharset", b"BINARY"), *records)
    payload = b"".join(_record(key, value) for key, value in records)
    return _extended_header(len(payload)) + payload + NUL_BLOCK[: -len(payload) % BLOCK]


def _record(key: bytes, value: bytes) -> bytes:
    """`LENGTH KEY=VALUE\\n`, where the length counts its own digits too."""
    bare = len(key) + len(value) + 3
    length = bare + len(str(bare))
    length = bare + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


@lru_cache(maxsize=256)
def _extended_header(size: int) -> bytes:
    return header(b"././@PaxHeader", b"x", Meta(0o644), size=size)


@lru_cache(maxsize=1024)
def _owner(mode: int, uid: int, gid: int) -> tuple[bytes, int, Records]:
    """The mode, uid and gid fields, the sum of their bytes, and records for what does not fit them."""
    records = []
    if uid > _MAX_ID:
        records.append((b"uid", b"%d" % uid))
        uid = 0
    if gid > _MAX_ID:
        records.append((b"gid", b"%d" % gid))
        gid = 0
    fields = b"%07o\0%07o\0%07o\0" % (mode, uid, gid)
    return fields, sum(fields), tuple(records)


@lru_cache(maxsize=1024)
def _time(mtime: int) -> tuple[bytes, int, Records]:
    """The mtime field, its sum, and a record where whole seconds from 1970 to 2242 cannot tell the time."""
    seconds, fraction = divmod(mtime, BILLION)
    fits = 0 <= seconds <= _MAX_LONG
    field = b"%011o" % (seconds if fits else 0)
    return field, sum(field), () if fits and not fraction else ((b"mtime", decimal_seconds(mtime)),)


@lru_cache(maxsize=256)
def _rest(flag: bytes, device: tuple[int, int]) -> tuple[bytes, int]:
    """Everything from the magic to devminor, and the sum of it, the typeflag and the blank checksum."""
    if max(device) > _MAX_ID or min(device) < 0:
        raise FormatError(f"no tar can hold the device number {device[0]},{device[1]}", "fix the device's numbers")
    rest = b"ustar\x0000" + bytes(64) + b"%07o\0%07o\0" % device
    return rest, sum(rest) + ord(flag) + _BLANK_CHECKSUM


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True

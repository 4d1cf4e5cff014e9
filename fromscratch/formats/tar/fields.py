"""The fields of one tar header block, and the records of extended headers, read from untrusted bytes.

Formats: V7, ustar and pax (POSIX.1-2017, pax), the GNU forms (base-256 numbers, magic `ustar `) and star's. Where
programs read a field differently, it is read as Go's archive/tar does, which container engines use. Every failure is a
FormatError without the archive's name, which the reader adds.
"""

from collections.abc import Mapping

from fromscratch.errors import FormatError
from fromscratch.formats.tar.header import BILLION
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.entry import Xattrs
from fromscratch.model.xattrs import belongs_to_file
from fromscratch.paths import decode

_DAMAGED = "the archive is damaged; fetch or make it again"
_CHECKSUM = slice(148, 156)
_BLANKS = b" " * 8
_SCHILY = b"SCHILY.xattr."
# The records that are read; comments, owner names and others are ignored.
_READ_KEYS = frozenset(
    {b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime", b"atime", b"ctime", b"SCHILY.realsize"}
)
_READ_PREFIXES = (_SCHILY, b"SCHILY.acl.", b"GNU.sparse.")
_TEXT_KEYS = frozenset({b"path", b"linkpath", b"uname", b"gname"})
_SPARSE_REGION = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")  # of pax format 0.0, in turn
_SPARSE_MAP = b"GNU.sparse.map"
_POSIX, _GNU = b"ustar\0", b"ustar  \0"
_MAX_XATTR_NAME, _MAX_XATTR_VALUE = 255, 1 << 16  # xattr(7)
_DECIMAL = lazy_regex(rb"(-?)([0-9]{1,30})(?:\.([0-9]{0,30}))?")


def verify_checksum(block: bytes) -> None:
    """Raises FormatError unless the header's checksum, signed or unsigned, is right."""
    written = _octal(block[_CHECKSUM], "checksum")
    rest = block[:148] + _BLANKS + block[156:]
    total = sum(rest)
    if written == total:
        return
    # Old tars on machines with a signed char summed the bytes as signed ones.
    if written != total - 256 * sum(byte > 127 for byte in rest):
        raise FormatError(f"a header has the checksum {written:o}, but its bytes sum to {total:o}", _DAMAGED)


def number(field: bytes, what: str) -> int:
    """A number in octal, or in GNU's base-256: the first bit set, two's complement, big-endian."""
    if field[0] & 0x80:
        raw = bytes([field[0] & 0x7F | (field[0] & 0x40) << 1]) + field[1:]
        return int.from_bytes(raw, "big", signed=True)
    return _octal(field, what)


def _octal(field: bytes, what: str) -> int:
    digits = field[:-1]
    if not (digits.isdigit() and field[-1] in b"\0 "):  # not as most programs write it
        digits = field.strip(b" \0").partition(b"\0")[0]
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise FormatError(f"a header has {field!r} as its {what}, which is not an octal number", _DAMAGED)
    return int(digits, 8)


def text(field: bytes) -> bytes:
    """A text up to its NUL, or the whole field."""
    return field.partition(b"\0")[0]


def name(block: bytes) -> bytes:
    """The path of the entry, with ustar's prefix where the format has one."""
    short = text(block[:100])
    if block[257:263] == _POSIX:
        # star calls itself ustar too; its prefix is shorter and two times follow it.
        prefix = text(block[345:476] if block[508:512] == b"tar\0" else block[345:500])
        return prefix + b"/" + short if prefix else short
    if block[257:265] == _GNU:
        # Two times are there in GNU's form. What is none, engines take for a prefix, since old Go wrote one.
        for field in (block[345:357], block[357:369]):
            if field[0]:
                number(field, "access or change time")
    return short


def device(block: bytes) -> tuple[int, int]:
    """Major and minor of a device; the oldest form has none."""
    if block[257:263] != _POSIX and block[257:265] != _GNU:
        return 0, 0
    return number(block[329:337], "device number"), number(block[337:345], "device number")


def records(payload: bytes) -> dict[bytes, bytes]:
    """The records of an extended header that mean something here: `LENGTH KEY=VALUE\\n`, one after the other.

    Of several of one key the last counts; those of the regions of a sparse file are joined to a map, as engines do.
    """
    found: dict[bytes, bytes] = {}
    regions: list[bytes] = []
    position = 0
    while position < len(payload):
        blank = payload.find(b" ", position, position + 20)
        digits = payload[position:blank] if blank > 0 else b""
        end = position + int(digits) if digits.isdigit() else 0
        key, equals, value = payload[blank + 1 : end - 1].partition(b"=")
        if end > len(payload) or not equals or not key or payload[end - 1 : end] != b"\n":
            raise FormatError(f"an extended header has a malformed record at its byte {position}", _DAMAGED)
        if b"\0" in (value if key in _TEXT_KEYS else key):
            raise FormatError(f"an extended header has a NUL in its record {decode(key[:80])!r}", _DAMAGED)
        if key in _SPARSE_REGION:
            if key != _SPARSE_REGION[len(regions) % 2] or b"," in value:
                raise FormatError("the map of a sparse file does not tell offsets and sizes in turn", _DAMAGED)
            regions.append(value)
        elif key in _READ_KEYS or key.startswith(_READ_PREFIXES):
            found[key] = value
        position = end
    if regions:
        if _SPARSE_MAP in found:
            raise FormatError("the map of a sparse file is there in two forms", _DAMAGED)
        found[_SPARSE_MAP] = b",".join(regions)
    return found


def check(found: Mapping[bytes, bytes]) -> None:
    """Raises FormatError for a record whose number or time is malformed, even if it is not used: engines refuse it."""
    for key in (b"size", b"uid", b"gid"):
        if found.get(key):
            integer(found[key], key.decode())
    for key in (b"mtime", b"atime", b"ctime"):
        if found.get(key):
            nanoseconds(found[key])


def integer(value: bytes, what: str) -> int:
    """A decimal number of an extended header."""
    if not value.isdigit() or len(value) > 30:
        raise FormatError(f"an extended header has {value[:40]!r} as its {what}, which is not a number", _DAMAGED)
    return int(value)


def nanoseconds(value: bytes) -> int:
    """A time of an extended header, decimal seconds; what is finer than a nanosecond is cut off."""
    found = _DECIMAL.fullmatch(value)
    if not found:
        raise FormatError(f"an extended header has {value[:40]!r} as a time, which is not one", _DAMAGED)
    sign, seconds, fraction = found.groups()
    total = int(seconds) * BILLION + int((fraction or b"")[:9].ljust(9, b"0"))
    return -total if sign else total


def xattrs(found: Mapping[bytes, bytes]) -> Xattrs:
    """The extended attributes among the records that go with the file, sorted by name.

    libarchive writes each a second time, as LIBARCHIVE.xattr; no engine reads that, and so it counts for nothing.
    """
    attributes = {decode(key[len(_SCHILY) :]): value for key, value in found.items() if key.startswith(_SCHILY)}
    for label, value in attributes.items():
        if not label or "\0" in label or len(label) > _MAX_XATTR_NAME:
            raise FormatError(f"{label[:80]!r} is not a name of an attribute", _DAMAGED)
        if len(value) > _MAX_XATTR_VALUE:
            raise FormatError(f"its attribute {label} has {len(value)} bytes, more than Linux keeps", _DAMAGED)
    return tuple(sorted(pair for pair in attributes.items() if belongs_to_file(pair[0])))

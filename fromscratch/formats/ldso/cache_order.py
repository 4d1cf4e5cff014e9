"""How the loader and ldconfig compare sonames: the order in which an ld.so.cache lists them, and when two are one.

It is `_dl_cache_libcmp` of GLIBC: runs of digits are numbers, in an int of 32 bits that overflows, and other
characters are bytes with a sign, as char is on most machines.
"""

from collections.abc import Iterator

from fromscratch.paths import decode, encode

_LONG_RUN = b"0" * 10
_ALL_ZERO = bytes.maketrans(b"123456789", b"0" * 9)


def canonical(soname: str) -> str:
    """The same text for two sonames that compare as equal: libz.so.1 and libz.so.01."""
    if not _has_odd_number(soname):
        return soname
    runs = _runs(encode(soname))
    return decode(b"".join(b"%d" % (_number(run) % (1 << 32)) if run.isdigit() else run for run in runs))


def _has_odd_number(soname: str) -> bool:
    """Whether it has a number with a zero before it, or of ten digits."""
    raw = encode(soname)
    if _LONG_RUN in raw.translate(_ALL_ZERO):
        return True
    zero = raw.find(b"0")
    while zero >= 0:
        if raw[zero + 1 : zero + 2].isdigit() and not raw[zero - 1 : zero].isdigit():
            return True
        zero = raw.find(b"0", zero + 1)
    return False


def key(soname: str) -> tuple[int, ...]:
    """A key that sorts as the loader compares: libz.so.9 before libz.so.10."""
    parts: list[int] = []
    for run in _runs(encode(soname)):
        if run.isdigit():
            parts += (256, _number(run))
        else:
            parts += (byte - ((byte & 128) << 1) for byte in run)
    return (*parts, 0)


def _runs(raw: bytes) -> Iterator[bytes]:
    """The numbers, and what stands between them; without `re`, which takes longer to load than a cache to read."""
    start = 0
    for place in range(1, len(raw) + 1):
        if place == len(raw) or raw[place : place + 1].isdigit() != raw[place - 1 : place].isdigit():
            yield raw[start:place]
            start = place


def _number(digits: bytes) -> int:
    value = int(digits[-32:]) & 0xFFFFFFFF  # 10^32 is a multiple of 2^32
    return value - ((value & 1 << 31) << 1)

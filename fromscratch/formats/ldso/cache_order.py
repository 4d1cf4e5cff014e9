"""How the loader and ldconfig compare sonames: the order in which an ld.so.cache lists them, and when two are one.

It is `_dl_cache_libcmp` of GLIBC: runs of digits are numbers, in an int of 32 bits that overflows, and other
characters are bytes with a sign, as char is on most machines.
"""

from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import encode

_DIGITS = lazy_regex(r"[0-9]+")
_ODD = lazy_regex(r"[0-9]{10}|(?<![0-9])0[0-9]")
_RUNS = lazy_regex(rb"[0-9]+|[^0-9]+")


def canonical(soname: str) -> str:
    """The same text for two sonames that compare as equal: libz.so.1 and libz.so.01."""
    if not _ODD.search(soname):
        return soname
    return _DIGITS.sub(lambda run: str(_number(run[0]) % (1 << 32)), soname)


def key(soname: str) -> tuple[int, ...]:
    """A key that sorts as the loader compares: libz.so.9 before libz.so.10."""
    parts: list[int] = []
    for run in _RUNS.findall(encode(soname)):
        if run[0] in b"0123456789":
            parts += (256, _number(run))
        else:
            parts += (byte - ((byte & 128) << 1) for byte in run)
    return (*parts, 0)


def _number(digits: str | bytes) -> int:
    value = int(digits[-32:]) & 0xFFFFFFFF  # 10^32 is a multiple of 2^32
    return value - ((value & 1 << 31) << 1)

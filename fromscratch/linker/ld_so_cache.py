"""The ld.so.cache of a root, which leads from sonames to paths."""

from fromscratch.errors import FormatError
from fromscratch.formats.ldso import cache as ldcache
from fromscratch.linker.root import Root, read_small_file

CACHE = "/etc/ld.so.cache"
_MAX_CACHE = 16 << 20


def read_cache(root: Root) -> ldcache.Cache | None:
    """The ld.so.cache of a root; None if it has none that its loader could use."""
    data = read_small_file(root, CACHE, _MAX_CACHE)
    try:
        return None if data is None else ldcache.read(data)
    except FormatError:
        return None  # the loader ignores a cache that it cannot read

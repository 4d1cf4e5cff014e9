"""The libraries of the C library and of gcc that nothing in a tree links or loads.

A toolchain brings all of its run-time libraries, such as libm, libmvec and libstdc++, and most images use few of them.
"""

from collections.abc import Iterable, Iterator

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import Elf
from fromscratch.formats.elf.symbols import imported
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.dlopen import UNWINDER, UNWINDING
from fromscratch.linker.beyond.glibc.library import SONAMES
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

# Not the C library itself, nor modules of name services, which it opens by the names in nsswitch.conf: but for
# those that are within it since this version, and empty files for older programs besides.
_WITH_NAME_SERVICES = b"\0GLIBC_2.34\0"
_NAME_SERVICES = ("libnss_files.so.2", "libnss_dns.so.2")
_CANDIDATE = lazy_regex(
    r"lib(m|mvec|dl|rt|pthread|util|resolv|anl|nsl|BrokenLocale|thread_db|crypt|c_malloc_debug|memusage|pcprofile"
    r"|gcc_s|stdc\+\+|atomic|gomp|quadmath|gfortran|itm|ssp)\.so\.[0-9.]+"
)
_MAX_SEARCHED = 64 << 20


def unused_libraries(tree: Rootfs) -> frozenset[TreePath]:
    """The files of such libraries that no other object needs, or names in its data, as far as dlopen(3) goes.

    Names that scripts give, as Python's ctypes takes them, are not looked for.
    """
    root = TreeRoot(tree)
    objects = dict(_objects(tree, root))
    candidates = {place: elf.soname for place, elf in objects.items() if _CANDIDATE.fullmatch(elf.soname or "")}
    if any(elf.soname in SONAMES and _WITH_NAME_SERVICES in _data(tree, place) for place, elf in objects.items()):
        candidates |= {place: elf.soname for place, elf in objects.items() if elf.soname in _NAME_SERVICES}
    sonames = frozenset(soname for soname in candidates.values() if soname)
    used: set[str] = set()
    users = [place for place in objects if place not in candidates]
    while users:
        found = {name for place in users for name in _names(tree, root, place, objects[place], sonames)} - used
        used |= found
        users = [place for place, soname in candidates.items() if soname in found]
    return frozenset(place for place, soname in candidates.items() if soname not in used)


def _objects(tree: Rootfs, root: TreeRoot) -> Iterator[tuple[TreePath, Elf]]:
    for path, entry in tree.items():
        if isinstance(entry, File) and (file := root.file(path)) is not None and file.elf is not None:
            yield path, file.elf


def _names(tree: Rootfs, root: TreeRoot, place: TreePath, elf: Elf, sonames: frozenset[str]) -> set[str]:
    """The libraries of these that an object needs: by DT_NEEDED, by a text in it, or through a function of glibc."""
    found = sonames & {*elf.needed, *elf.filters, *elf.auxiliaries}
    data = _data(tree, place)
    if not data:
        return set(sonames)
    in_data = {soname for soname in sonames if f"\0{soname}\0".encode() in data}
    if elf.soname in SONAMES:
        in_data.difference_update(_NAME_SERVICES)  # if these are candidates, they are empty
    if UNWINDER in sonames:
        in_data.discard(UNWINDER)  # glibc itself names it, for those who call these functions
        with root.reading(place) as reader:
            try:
                called = imported(elf, reader) if elf.dynamic else frozenset()
            except FormatError:
                called = frozenset(UNWINDING)
        if called & set(UNWINDING):
            in_data.add(UNWINDER)
    return {*found, *in_data}


def _data(tree: Rootfs, place: TreePath) -> bytes:
    """The bytes of a file; none of one that is too large to be searched."""
    entry = tree[place]
    return read(entry.content) if isinstance(entry, File) and entry.content.size <= _MAX_SEARCHED else b""


def as_globs(places: Iterable[TreePath]) -> list[str]:
    """Patterns that match these paths and nothing else."""
    return sorted(place.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for place in places)

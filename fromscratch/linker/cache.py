"""The ld.so.cache that a root ought to have: what ldconfig would put there, without running it or making a link."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DT_STRTAB, ET_DYN, Elf
from fromscratch.formats.ldso import cache as ldcache
from fromscratch.formats.ldso import cache_order as ldcache_order
from fromscratch.formats.ldso.cache_abi import flags_of, isa_level
from fromscratch.linker.conf import configured
from fromscratch.linker.root import Ground
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, Entry, File, HardLink, Symlink
from fromscratch.paths import TreePath


class _Library(NamedTuple):
    """A file of a directory, and the soname that it is found by. A link is only the best if no file has the soname."""

    name: str
    soname: str
    is_link: bool
    elf: Elf
    flags: int


def written(ground: Ground, default_directories: Iterable[str], *, big_endian: bool = False) -> bytes:
    """The bytes of /etc/ld.so.cache for what /etc/ld.so.conf of the root lists, then the loader's own directories.

    `big_endian` is the byte order of the loader, which cannot read a cache of the other one.
    Raises ImageError for what cannot be read.
    """
    directories = (*configured(ground.view), *default_directories)
    return ldcache.write(entries(ground, directories, big_endian=big_endian), big_endian=big_endian)


def entries(ground: Ground, directories: Iterable[str], *, big_endian: bool = False) -> tuple[ldcache.Entry, ...]:
    """The libraries of this byte order in these directories and their glibc-hwcaps subdirectories.

    Of a directory that two paths lead to the first counts, and of two files of one directory with the same
    soname the later version. An entry leads to the soname where that is a file, as ldconfig sees to by making
    a link, and to the library itself where it is not. Libraries of every machine are listed: a loader passes
    over those of others, so one cache serves all the ABIs of a root.
    """
    found: list[ldcache.Entry] = []
    seen: set[TreePath] = set()
    for directory in directories:
        directory = directory.rstrip("/")
        place = _unseen(ground, directory, seen)
        if place is None:
            continue
        found += _scanned(ground, directory, place, None, big_endian)
        for hwcaps in views.names(ground.view, f"{place}/glibc-hwcaps"):
            subdirectory = f"{directory}/glibc-hwcaps/{hwcaps}"
            place_below = None if hwcaps.startswith(".") or ":" in hwcaps else _unseen(ground, subdirectory, seen)
            if place_below is not None:
                found += _scanned(ground, subdirectory, place_below, hwcaps, big_endian)
    return tuple(found)


def _unseen(ground: Ground, directory: str, seen: set[TreePath]) -> TreePath | None:
    """Where the path leads if that is a directory, and the first time that one leads there."""
    place = views.place(ground.view, directory)
    if place is None or place in seen or not isinstance(ground.view.get(place), Directory):
        return None
    seen.add(place)
    return place


def _scanned(
    ground: Ground, directory: str, place: TreePath, hwcaps: str | None, big_endian: bool
) -> Iterator[ldcache.Entry]:
    best: dict[str, _Library] = {}
    for name in ground.view.children(place):
        library = _library(ground, place, name, in_hwcaps=hwcaps is not None)
        if library is not None and library.elf.big_endian == big_endian:
            known = best.get(library.soname)
            if known is None or _supersedes(library, known):
                best[library.soname] = library
    for library in best.values():
        if hwcaps is not None:
            level = _isa_level(ground, paths.join(place, library.name), library.elf)
            yield ldcache.Entry(library.soname, f"{directory}/{library.name}", library.flags, hwcaps, level)
            continue
        is_file = isinstance(views.look(ground.view, f"{place}/{library.soname}"), File)
        yield ldcache.Entry(library.soname, f"{directory}/{library.soname if is_file else library.name}", library.flags)


def _supersedes(library: _Library, known: _Library) -> bool:
    if library.is_link != known.is_link:
        return known.is_link
    return ldcache_order.key(library.name) > ldcache_order.key(known.name)


def _library(ground: Ground, directory: TreePath, name: str, *, in_hwcaps: bool) -> _Library | None:
    path = paths.join(directory, name)
    entry = _inode(ground, path)
    is_link = isinstance(entry, Symlink)
    # In glibc-hwcaps ldconfig looks at links of any name.
    if not (isinstance(entry, File | Symlink) and (_is_named_so(name) or (is_link and in_hwcaps))) or _is_passing(name):
        return None
    opened = ground.opened(path)
    elf = opened.elf if opened is not None else None
    if elf is None or elf.type != ET_DYN or elf.tag(DT_STRTAB) is None:
        return None
    flags = flags_of(elf)
    soname = name if elf.soname is None else elf.soname
    # A link by the soname, or by its beginning for ld(1): libz.so. One of any other name is like a file.
    is_link = is_link and (name == soname or (name.endswith(".so") and soname.startswith(name)))
    if flags is None or not soname or "/" in soname:
        return None
    return _Library(name, name if is_link else soname, is_link, elf, flags)


def _inode(ground: Ground, path: TreePath) -> Entry | None:
    entry = ground.view.get(path)
    return ground.view.get(entry.target) if isinstance(entry, HardLink) else entry


def _is_named_so(name: str) -> bool:
    """lib*.so*, ld-*.so*, ld.so.* and ld64.so.*, as ldconfig knows shared libraries."""
    return (name.startswith(("lib", "ld-")) and ".so" in name) or name.startswith(("ld.so.", "ld64.so."))


def _is_passing(name: str) -> bool:
    """Whether prelink, RPM or dpkg is still writing the file, going by its name."""
    return name.endswith((".#prelink#", ".dpkg-new", ".dpkg-tmp")) or ";" in name or name[-17:-6] == ".#prelink#."


def _isa_level(ground: Ground, path: str, elf: Elf) -> int:
    try:
        with ground.reading(path) as read:
            return isa_level(elf, read)
    except FormatError:
        return 0

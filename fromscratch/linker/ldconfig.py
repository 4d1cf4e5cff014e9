"""The ld.so.cache that ldconfig would write for a root; it is not run, and no symlink is made."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DT_STRTAB, ET_DYN, Elf
from fromscratch.formats.ldso import cache as ldcache
from fromscratch.formats.ldso import cache_order as ldcache_order
from fromscratch.formats.ldso.cache_abi import flags_of, isa_level
from fromscratch.linker.ld_so_conf import conf_directories
from fromscratch.linker.root import Root
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File, Symlink
from fromscratch.paths import TreePath


class _Library(NamedTuple):
    """A library of a directory, and the soname it is found by. A symlink counts only if no file has the soname."""

    name: str
    soname: str
    is_link: bool
    elf: Elf
    flags: int


def cache_bytes(root: Root, default_directories: Iterable[str], *, big_endian: bool = False) -> bytes:
    """The bytes of an /etc/ld.so.cache for the directories of the root's /etc/ld.so.conf, then the loader's own.

    `big_endian` is the byte order of the loader, which cannot read a cache of the other one.
    Raises ImageError for what cannot be read.
    """
    directories = (*conf_directories(root.view), *default_directories)
    return ldcache.write(entries(root, directories, big_endian=big_endian), big_endian=big_endian)


def entries(root: Root, directories: Iterable[str], *, big_endian: bool = False) -> tuple[ldcache.Entry, ...]:
    """The libraries of this byte order in these directories and their glibc-hwcaps subdirectories.

    Of two paths to one directory the first counts, and of two files of one directory with the same soname the
    later version. An entry has the path of the soname if such a file exists (ldconfig would make that symlink),
    else the path of the library itself. Libraries of every machine are listed: a loader skips those of others, so
    one cache serves all ABIs of a root.
    """
    found: list[ldcache.Entry] = []
    seen: set[TreePath] = set()
    for directory in directories:
        directory = directory.rstrip("/")
        place = _first_visit(root, directory, seen)
        if place is None:
            continue
        found += _scan_directory(root, directory, place, None, big_endian)
        for hwcaps in views.names(root.view, f"{place}/glibc-hwcaps"):
            subdirectory = f"{directory}/glibc-hwcaps/{hwcaps}"
            place_below = None if hwcaps.startswith(".") or ":" in hwcaps else _first_visit(root, subdirectory, seen)
            if place_below is not None:
                found += _scan_directory(root, subdirectory, place_below, hwcaps, big_endian)
    return tuple(found)


def _first_visit(root: Root, directory: str, seen: set[TreePath]) -> TreePath | None:
    """The place of a directory, if no earlier path led there; else None."""
    place = views.place(root.view, directory)
    if place is None or place in seen or not isinstance(root.view.get(place), Directory):
        return None
    seen.add(place)
    return place


def _scan_directory(
    root: Root, directory: str, place: TreePath, hwcaps: str | None, big_endian: bool
) -> Iterator[ldcache.Entry]:
    best: dict[str, _Library] = {}
    for name in root.view.children(place):
        library = _library(root, place, name, in_hwcaps=hwcaps is not None)
        if library is not None and library.elf.big_endian == big_endian:
            known = best.get(library.soname)
            if known is None or _supersedes(library, known):
                best[library.soname] = library
    for library in best.values():
        if hwcaps is not None:
            level = _isa_level(root, paths.join(place, library.name), library.elf)
            yield ldcache.Entry(library.soname, f"{directory}/{library.name}", library.flags, hwcaps, level)
            continue
        is_file = isinstance(views.look(root.view, f"{place}/{library.soname}"), File)
        yield ldcache.Entry(library.soname, f"{directory}/{library.soname if is_file else library.name}", library.flags)


def _supersedes(library: _Library, known: _Library) -> bool:
    if library.is_link != known.is_link:
        return known.is_link
    return ldcache_order.key(library.name) > ldcache_order.key(known.name)


def _library(root: Root, directory: TreePath, name: str, *, in_hwcaps: bool) -> _Library | None:
    path = paths.join(directory, name)
    entry = views.inode(root.view, path)
    is_link = isinstance(entry, Symlink)
    # In glibc-hwcaps ldconfig reads symlinks of any name.
    is_library = isinstance(entry, File | Symlink) and (_is_soname(name) or (is_link and in_hwcaps))
    if not is_library or _is_being_written(name):
        return None
    file = root.file(path)
    elf = file.elf if file is not None else None
    if elf is None or elf.type != ET_DYN or elf.tag(DT_STRTAB) is None:
        return None
    flags = flags_of(elf)
    soname = name if elf.soname is None else elf.soname
    # A symlink named as the soname, or as its beginning for ld(1): libz.so. One of any other name counts as a file.
    is_link = is_link and (name == soname or (name.endswith(".so") and soname.startswith(name)))
    if flags is None or not soname or "/" in soname:
        return None
    return _Library(name, name if is_link else soname, is_link, elf, flags)


def _is_soname(name: str) -> bool:
    """Whether ldconfig takes the name for a shared library: lib*.so*, ld-*.so*, ld.so.* and ld64.so.*."""
    return (name.startswith(("lib", "ld-")) and ".so" in name) or name.startswith(("ld.so.", "ld64.so."))


def _is_being_written(name: str) -> bool:
    """Whether prelink, RPM or dpkg is still writing the file, going by its name."""
    return name.endswith((".#prelink#", ".dpkg-new", ".dpkg-tmp")) or ";" in name or name[-17:-6] == ".#prelink#."


def _isa_level(root: Root, path: str, elf: Elf) -> int:
    try:
        with root.reading(path) as read:
            return isa_level(elf, read)
    except FormatError:
        return 0

"""Libraries that move along with their programs: what `$ORIGIN` leads to, and what lies only on the build machine.

A program that is put elsewhere finds its libraries in the same relation to its new place. One that names a folder of
the build machine, such as /home/me/build/lib in its RUNPATH, finds them in a default directory of its loader instead:
no such path is made in an image. What is moved is a root of its own, from which only what is needed is selected.
"""

import posixpath
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.formats.elf.headers import Elf
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.root import Root
from fromscratch.model import view as views
from fromscratch.model.content import HostFile
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink, with_meta
from fromscratch.model.resolution import walk
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.view import View
from fromscratch.paths import TreePath, decode, name, tree_path

_ORIGIN = lazy_regex(r"\$(?:ORIGIN\b|\{ORIGIN\})")
_LIBRARY = lazy_regex(r".*\.so(\.[^/]*)?")
_OF_A_SYSTEM = lazy_regex(r"/(usr|lib|lib32|lib64|libx32|bin|sbin|opt|etc|nix|gnu|snap|srv|var/lib|app)(/.*)?")
_DEFAULT = "/usr/lib"  # where the loaders of GLIBC and musl look in any case
_DEFAULTS = frozenset({"/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"})
_MAX_FILES = 20_000


class Program(NamedTuple):
    """An ELF file that is in the image at `place`, and on this machine at `path`."""

    place: str
    path: str
    elf: Elf


def moved_libraries(
    programs: Iterator[Program], machine: Root, shown_at: Mapping[str, str], image: View, label: str
) -> Rootfs:
    """The libraries of these programs at their places in the image, as far as they are not where they are here.

    `shown_at` has folders of this machine, each under the folder of the image where its libraries are to lie. `image`
    is what the image may have so far, whose symlinks decide where things stand.
    """
    mover = _Mover(machine, image, label)
    for destination, folder in shown_at.items():
        mover.show_all(folder, destination)
    for program in programs:
        mover.follow(program)
    return Rootfs(mover.entries) if mover.entries else Rootfs()


class _Folder(NamedTuple):
    """A folder that a search path names, here and in the image."""

    here: str
    there: str


class _Mover:
    def __init__(self, machine: Root, image: View, label: str) -> None:
        self._machine, self._image, self._label = machine, image, label
        self.entries: dict[TreePath, Entry] = {}
        self._seen: set[tuple[str, str]] = set()
        self._shown: set[_Folder] = set()
        self._places: dict[str, TreePath] = {}

    def follow(self, program: Program) -> None:
        """Move what a program needs, and what that needs in turn."""
        pending: list[tuple[Program, tuple[_Folder, ...]]] = [(program, ())]
        while pending:
            by, inherited = pending.pop()
            if (by.place, by.path) in self._seen:
                continue
            self._seen.add((by.place, by.path))
            own = list(self._folders(by))
            folders = (*own, *inherited) if by.elf.runpath is None else tuple(own)
            below = folders if by.elf.runpath is None else inherited
            for needed in by.elf.needed:
                found = self._found(needed, by, folders)
                if found is not None:
                    pending.append((found, below))

    def show_all(self, here: str, there: str) -> None:
        """Show the libraries of a folder of this machine at another place."""
        if _Folder(here, there) in self._shown:
            return
        self._shown.add(_Folder(here, there))
        view: View = self._machine.view
        for number, each in enumerate(views.names(view, here)):
            if number < _MAX_FILES and _LIBRARY.fullmatch(each):
                self._show(f"{here}/{each}", f"{there}/{each}")

    def _folders(self, by: Program) -> Iterator[_Folder]:
        """The folders of its search path that are elsewhere in the image."""
        text = by.elf.runpath if by.elf.runpath is not None else by.elf.rpath
        for each in (text or "").split(":"):
            if _ORIGIN.search(each):
                here, there = _expanded(each, by.path), _expanded(each, by.place)
            elif each.startswith("/") and not _OF_A_SYSTEM.fullmatch(posixpath.normpath(each)) and by.place != by.path:
                here, there = posixpath.normpath(each), _DEFAULT
            else:
                continue
            if "$" not in here and here != there:
                # A path with `..` leads through the folder of the program.
                self.entries.setdefault(self._landed(posixpath.dirname(by.place)), Directory(Meta(0o755)))
                yield _Folder(here, there)
                if there not in _DEFAULTS and here not in _DEFAULTS:
                    self.show_all(here, there)  # what it opens by dlopen(3) is found there too

    def _found(self, needed: str, by: Program, folders: tuple[_Folder, ...]) -> Program | None:
        """The library that it needs, if it is in one of these folders, at its place in the image."""
        if "/" in needed:
            if not _ORIGIN.search(needed):
                return None
            return self._library(_expanded(needed, by.path), _expanded(needed, by.place), by.elf)
        found = (self._library(f"{here}/{needed}", f"{there}/{needed}", by.elf) for here, there in folders)
        return next((each for each in found if each is not None), None)

    def _library(self, here: str, there: str, like: Elf) -> Program | None:
        file = self._machine.file(here)
        if file is None or file.elf is None or (file.elf.machine, file.elf.bits) != (like.machine, like.bits):
            return None
        self._show(here, there)
        return Program(there, here, file.elf)

    def _landed(self, folder: str) -> TreePath:
        """Where a folder of the image stands, with the symlinks on the way shown too."""
        known = self._places.get(folder)
        if known is None:
            path = tree_path(folder)
            for above in (*paths.ancestors(path), path):
                entry = self._image.get(above)
                if isinstance(entry, Symlink):
                    self.entries.setdefault(above, entry)
            known = self._places[folder] = walk(self._image, path, follow_last=True, must_exist=False)
        return known

    def _show(self, here: str, there: str) -> None:
        """Show one file, or the symlink to one beside it."""
        view: View = self._machine.view
        target = views.place(view, here)
        entry = view.get(target) if target is not None else None
        place = paths.join(self._landed(posixpath.dirname(there)), posixpath.basename(there))
        if target is None or not isinstance(entry, File) or place in self.entries:
            return
        origin = Origin(self._label, "asked for", here)
        folder = views.place(view, posixpath.dirname(here))
        if target != f"{folder}/{name(place)}" and posixpath.dirname(target) == folder:
            beside = paths.join(paths.parent(place), name(target))
            self.entries[place] = replace(Symlink(entry.meta, name(target)), origins=(origin,))
            self.entries.setdefault(beside, _public(entry, origin))
        else:
            self.entries[place] = _public(entry, origin)


def _expanded(text: str, place: str) -> str:
    """A path with `$ORIGIN`, of an object at this place."""
    return posixpath.normpath(posixpath.dirname(place).join(_ORIGIN.split(text)))


def _public(entry: File, origin: Origin) -> Entry:
    mode = (entry.meta.mode & 0o7000) | (0o755 if entry.meta.mode & 0o111 else 0o644)
    return replace(with_meta(entry, replace(entry.meta, uid=0, gid=0, mode=mode)), origins=(origin,))


def placed_programs(added: Rootfs, upper: Root, sysroot: str) -> Iterator[Program]:
    """The ELF files among what is added that have a search path, and lie elsewhere on this machine."""
    top = sysroot.rstrip("/")
    for place, entry in added.items():
        if not isinstance(entry, File) or not isinstance(entry.content, HostFile):
            continue
        path = decode(entry.content.path) if isinstance(entry.content.path, bytes) else str(entry.content.path)
        file = upper.file(place) if path not in (place, f"{top}{place}") else None
        elf = file.elf if file is not None else None
        if elf is not None and (elf.runpath or elf.rpath or any("$" in each for each in elf.needed)):
            yield Program(place, path, elf)

"""Small roots of made-up ELF files in memory, and what a test wants to see of a closure."""

from collections.abc import Mapping
from typing import Any

from fromscratch.linker.closure import Linker, Program
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, HardLink, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ancestors, tree_path
from tests.formats.elf.made import elf

GLIBC = "/lib64/ld-linux-x86-64.so.2"
MUSL = "/lib/ld-musl-x86_64.so.1"
NODEFLIB = 0x800

# What Debian's loader has compiled in, in the form in which it lies there.
SYSTEM_DIRS = b"\0".join((b"/lib/x86_64-linux-gnu/", b"/usr/lib/x86_64-linux-gnu/", b"/lib/", b"/usr/lib/", b""))


class Link(str):
    """A symlink to this target."""

    __slots__ = ()


class Name(str):
    """A further name of the inode at this path."""

    __slots__ = ()


Piece = bytes | Link | Name


def program(*needed: str, **more: Any) -> bytes:
    """A program for GLIBC's loader."""
    return elf(needed=needed, interpreter=more.pop("interpreter", GLIBC), **more)


def lib(*needed: str, **more: Any) -> bytes:
    """A library, for x86-64 unless it says otherwise."""
    return elf(needed=needed, **more)


def rootfs(pieces: Mapping[str, Piece], *, loader: str | None = GLIBC) -> Rootfs:
    """The root that holds these files and a loader as Debian's; `loader` None is a stage without one."""
    made: dict[str, Entry] = {}
    if loader == GLIBC:
        pieces = {GLIBC: elf(soname="ld-linux-x86-64.so.2", data=SYSTEM_DIRS), **pieces}
    elif loader is not None:
        pieces = {loader: elf(soname="libc.so"), **pieces}
    for path, piece in pieces.items():
        for above in ancestors(tree_path(path)):
            made.setdefault(above, Directory(Meta(0o755)))
        match piece:
            case Link():
                made[path] = Symlink(Meta(0o777), str(piece))
            case Name():
                made[path] = HardLink(Meta(0o755), tree_path(piece))
            case bytes():
                made[path] = File(Meta(0o755), Inline(piece))
    return Rootfs({tree_path(path): entry for path, entry in made.items()})


def tree_root(pieces: Mapping[str, Piece], *, loader: str | None = GLIBC) -> TreeRoot:
    return TreeRoot(rootfs(pieces, loader=loader))


def closed(pieces: Mapping[str, Piece], path: str = "/bin/prog", loader: str = GLIBC, **options: Any) -> Program:
    """The program of such a root, as its loader would map it."""
    return Linker([tree_root(pieces, loader=loader)], **options).program(path)


def paths(made: Program) -> list[str]:
    """What is loaded beside the program and the loader itself, in order."""
    loader = made.nodes[0].elf.interpreter
    return [node.path for node in made.nodes[1:] if node.path != loader]


def rules(made: Program) -> list[str]:
    """Every need that was met, a line each, but for that of the loader."""
    return [f"{each.by} {each.name} => {each.to} by {each.found_by}" for each in made.links if each.rule != "PT_INTERP"]


def missing(made: Program) -> list[str]:
    """Every need that was not met, a line each."""
    return [f"{each.name} for {each.by}: {each.fault or 'not in ' + ', '.join(each.searched)}" for each in made.missing]

"""Scenes whose objects are real ELF files, small ones, with what finders read of them: imports, notes and data."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from fromscratch.formats.elf.symbols import imported
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.rodata import reading
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.view import View
from fromscratch.paths import TreePath, tree_path
from tests.formats.elf.made import elf
from tests.linker.beyond.scenes import scene
from tests.trees import tree

LIBC = "/usr/lib/libc.so.6"


def libc(version: int = 36, *texts: str, soname: str = "libc.so.6") -> bytes:
    """A glibc of version 2.`version`, with these texts in its data."""
    data = b"".join(b"\0" + text.encode() for text in texts) + b"\0"
    return elf(soname=soname, provides_versions=["GLIBC_2.2.5", f"GLIBC_2.{version}"], data=data)


def program(*imports: str, data: str = "", **facts: Any) -> bytes:
    """A program that is linked with glibc and imports these functions; NULs stand around `data`."""
    made = f"\0{data}\0".encode()
    return elf(interpreter="/lib64/ld.so", needed=["libc.so.6"], imports=imports, data=made, **facts)


def system(block: str, objects: Mapping[str, bytes], *extra: str) -> Scene:
    """A scene that holds these objects, and the files `extra`, of a root that has the lines of `block` besides."""
    held = {tree_path(path): File(Meta(0o755), Inline(raw)) for path, raw in objects.items()}
    root = Rootfs({**tree(block), **held})
    return imports_read(scene(root, *objects, *extra))


def imports_read(start: Scene) -> Scene:
    """The scene with the imports that its objects have."""
    known: dict[TreePath, frozenset[str]] = {}

    def imports(place: TreePath) -> frozenset[str]:
        if place not in known:
            with reading(start, place) as read:
                known[place] = imported(start.objects[place], read)
        return known[place]

    return replace(start, imports=imports)


def of(view: View, *paths: str) -> Scene:
    """The scene of these files of a root."""
    return imports_read(scene(view, *paths))

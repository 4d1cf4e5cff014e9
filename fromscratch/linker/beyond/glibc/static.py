"""Finder of what a static GLIBC program loads at run time: a warning, as it must be of the GLIBC it was built with."""

from collections.abc import Iterator

from fromscratch.errors import FormatError
from fromscratch.formats.elf.kinds import is_packed
from fromscratch.linker.beyond import rodata
from fromscratch.linker.beyond.contract import FinderWarning, Finding, Scene
from fromscratch.linker.static import recognise

KIND = "static"


def find(scene: Scene) -> Iterator[Finding]:
    """A line for each static program whose C library may open more than the program itself."""
    for place, elf in scene.objects.items():
        if not elf.is_static:
            continue
        with rodata.reading(scene, place) as read:
            if is_packed(read):
                text = f"{place} is packed by UPX, so that what it needs does not show: unpack it first, as by upx -d"
                yield FinderWarning(text, KIND)
                continue
            try:
                found = recognise(elf, read)
            except FormatError as error:
                yield FinderWarning(f"{place}: {error.message}", KIND)
                continue
        texts = [load.text for load in found.loads if load.matters is not False] if found else []
        if texts:
            yield FinderWarning(f"{place} is {found}: {'; '.join(texts)}", KIND)

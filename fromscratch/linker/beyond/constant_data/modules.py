"""What a module or a helper program would add to an image: its own bytes, and those of libraries that are not there."""

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import Elf, read_elf
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.rodata import reading
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

_MOST_LIBRARIES = 200


def cost(scene: Scene, place: TreePath) -> int | None:
    """Its bytes with those of every library that it needs and the image lacks; None where it would not load: for
    another machine, or with a library that is in none of the folders that the image has libraries from."""
    present = {elf.soname for elf in scene.objects.values()}
    machines = {(elf.machine, elf.bits) for elf in scene.objects.values()}
    folders = dict.fromkeys(paths.parent(each) for each, elf in scene.objects.items() if elf.soname)
    if _elf(scene, place) is None:
        return scene.size(place)  # a script
    pending, total = [place], 0
    while pending and len(present) < _MOST_LIBRARIES + len(scene.objects):
        place = pending.pop()
        elf = _elf(scene, place)
        if elf is None or (elf.machine, elf.bits) not in machines:
            return None
        total += scene.size(place)
        for soname in elf.needed:
            if soname in present:
                continue
            found = next(
                filter(None, (views.place(scene.view, paths.join(folder, soname)) for folder in folders)), None
            )
            if found is None:
                return None
            present.add(soname)
            pending.append(found)
    return total


def _elf(scene: Scene, place: TreePath) -> Elf | None:
    if not isinstance(views.look(scene.view, place), File):
        return None
    with reading(scene, place) as read:
        try:
            return read_elf(read)
        except FormatError:
            return None

"""What a module or a helper program would add to an image: its own bytes, and those of libraries that are not there."""

from collections.abc import Iterator, Mapping

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import Elf, read_elf
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.rodata import reading
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

_MOST_LIBRARIES = 200


def additions(scene: Scene, place: TreePath) -> dict[TreePath, int] | None:
    """The bytes of a module or program and of every library that it needs and the image lacks, by their places.

    None where it would not load: for another machine, or with a library that is in none of the folders that the image
    has libraries from. A script adds itself.
    """
    present = {elf.soname for elf in scene.objects.values()}
    machines = {(elf.machine, elf.bits) for elf in scene.objects.values()}
    folders = dict.fromkeys(paths.parent(each) for each, elf in scene.objects.items() if elf.soname)
    pending, found = [place], {place: scene.size(place)}
    while pending and len(found) < _MOST_LIBRARIES:
        elf = _elf(scene, pending.pop())
        if elf is None:
            return found
        if (elf.machine, elf.bits) not in machines:
            return None
        for soname in (each for each in elf.needed if each not in present):
            places = (views.place(scene.view, paths.join(folder, soname)) for folder in folders)
            library = next(filter(None, places), None)
            if library is None:
                return None
            present.add(soname)
            found[library] = scene.size(library)
            pending.append(library)
    return found


def fitting(modules: Mapping[TreePath, Mapping[TreePath, int] | None], most: int) -> Iterator[TreePath]:
    """Those of some modules whose additions, shared ones counted once, come to no more than this; the least first."""
    counted: set[TreePath] = set()
    left = {place: dict(each) for place, each in modules.items() if each is not None}

    def more(place: TreePath) -> int:
        return sum(size for each, size in left[place].items() if each not in counted)

    while left:
        place = min(left, key=more)
        most -= more(place)
        if most < 0:
            return
        counted.update(left.pop(place))
        yield place


def _elf(scene: Scene, place: TreePath) -> Elf | None:
    if not isinstance(views.look(scene.view, place), File):
        return None
    with reading(scene, place) as read:
        try:
            return read_elf(read)
        except FormatError:
            return None

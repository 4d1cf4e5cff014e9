"""Finder of libraries in glibc-hwcaps, which the loader prefers on newer processors.

The baseline is always selected, so that the image starts on any processor; the variants cost size and give speed.
"""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.linker.beyond.contract import Finding, NeededFile, Offer, Scene
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

KIND = "hwcaps"


def find(scene: Scene, *, take: bool = False) -> Iterator[Finding]:
    """The variants of every library in the scene: offered, or with `take` taken."""
    found = [(place, variant) for place in scene.objects for variant in _variants(scene, place)]
    if take:
        for place, variant in found:
            yield NeededFile(
                variant, place, f"{place} (the same for newer processors)", KIND, "possible", optional=True
            )
    elif found:
        sizes = [
            entry.content.size for _, variant in found if isinstance(entry := views.look(scene.view, variant), File)
        ]
        what = f"{len(found)} libraries for newer processors, such as {found[0][1]}"
        yield Offer(what, Setting("hwcaps", "all"), KIND, sum(sizes))


def _variants(scene: Scene, place: TreePath) -> Iterator[str]:
    """The files of the same soname in the subdirectories of its folder."""
    top = f"{paths.parent(place)}/glibc-hwcaps"
    soname = scene.objects[place].soname or paths.name(place)
    for level in views.names(scene.view, top):
        path = f"{top}/{level}/{soname}"
        if views.place(scene.view, path) not in (None, *scene.objects):
            yield path

"""Finder of the other names by which a program starts itself: git runs git-upload-pack, which is a symlink to git."""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond import rodata
from fromscratch.linker.beyond.contract import Finding, NeededFile, Scene
from fromscratch.linker.beyond.shell_calls import BY_NAME, BY_PATH
from fromscratch.model import view as views
from fromscratch.model.entry import Symlink

KIND = "names"
_STARTING = frozenset({*BY_PATH, *BY_NAME})
_NAME = lazy_regex(rb"\0([A-Za-z0-9][A-Za-z0-9_.+-]{1,63})(?=\0)")


def find(scene: Scene) -> Iterator[Finding]:
    """Symlinks beside a requested program that lead to it and whose names it has in its data, if it starts programs."""
    for place in scene.requested:
        if place not in scene.objects or not scene.imports(place) & _STARTING:
            continue
        folder = paths.parent(place)
        beside = frozenset(views.names(scene.view, folder))
        for name in rodata.texts(scene, place, _NAME):
            path = paths.join(folder, name) if name in beside else None
            if path and isinstance(scene.view.get(path), Symlink) and views.place(scene.view, path) == place:
                yield NeededFile(path, place, f"{place} (names {name}, which is itself)", KIND, "likely", optional=True)

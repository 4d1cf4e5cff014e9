"""Listing of the files of a folder, some of which are left out."""

from collections.abc import Callable, Iterator

from fromscratch.linker.beyond.contract import Scene
from fromscratch.model import view as views
from fromscratch.model.entry import Directory


def below(scene: Scene, folder: str, *, without: Callable[[str], bool] = lambda name: False) -> Iterator[str]:
    """The files of a folder and of all folders in it, as they are spelled, but for names that are `without`.

    What Python compiled beside a source is left out.
    """
    pending, seen = [folder], set()
    while pending:
        here = pending.pop()
        place = views.place(scene.view, here)
        if place in seen:
            continue  # symlinks can go round
        seen.add(place)
        inner = []
        for name in views.names(scene.view, here):
            if name == "__pycache__" or without(name):
                continue
            entry = views.look(scene.view, f"{here}/{name}")
            if isinstance(entry, Directory):
                inner.append(f"{here}/{name}")
            elif entry is not None:  # else a symlink that leads nowhere
                yield f"{here}/{name}"
        pending += reversed(inner)

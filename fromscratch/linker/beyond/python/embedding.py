"""Programs that have an interpreter of Python within them, and modules of their own for it: gdb has its package `gdb`.

Such a program adds the folder `python` of its data folder to the path, whose place is in its constant data.
"""

from collections.abc import Iterator

from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.rodata import texts
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

_FOLDER = lazy_regex(rb"(?<=\0)(/[\w.+-]{1,60}(?:/[\w.+-]{1,60}){1,9})(?=\0)")


def own_modules(scene: Scene) -> Iterator[tuple[TreePath, str]]:
    """The programs that are linked with libpython, each with a folder of modules that its data folder has."""
    for place, elf in scene.objects.items():
        if elf.interpreter is None or not any(name.startswith("libpython3") for name in elf.needed):
            continue
        for text in texts(scene, place, _FOLDER):
            folder = f"{text}/python"
            for name in views.names(scene.view, folder):
                if isinstance(views.look(scene.view, f"{folder}/{name}/__init__.py"), File):
                    yield place, folder
                    break

"""Paths as packages spell them that do not know of a merged /usr, and the places that those are."""

from collections.abc import Callable

from fromscratch.linker.beyond.contract import Scene
from fromscratch.model import view as views

_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def to_places(scene: Scene) -> Callable[[str], str]:
    """What spells a package's path as the place that it has in this root."""
    merged = tuple(f"/{name}/" for name in _FOLDERS if views.place(scene.view, f"/{name}") == f"/usr/{name}")
    return lambda path: f"/usr{path}" if path.startswith(merged) else path

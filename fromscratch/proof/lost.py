"""What a small image lacks: paths that its programs asked for in vain, and that the full image has."""

from collections.abc import Iterable

from msgspec import Struct

from fromscratch.formats.trace.events import Event
from fromscratch.model.rootfs import Rootfs


class Lost(Struct, frozen=True):
    """A path as it was asked for, and the program that asked."""

    path: str
    process: str = ""


def lost(events: Iterable[Event], full: Rootfs, small: Rootfs) -> tuple[Lost, ...]:
    """Each path that was missing in a run of the small image, though the full image has it; each once, in order.

    What both have, a program has removed while it ran.
    """
    found: dict[str, Lost] = {}
    for event in events:
        if (
            event.kind == "missing"
            and event.path not in found
            and _has(full, event.path)
            and not _has(small, event.path)
        ):
            found[event.path] = Lost(event.path, event.process)
    return tuple(found.values())


def _has(tree: Rootfs, path: str) -> bool:
    return tree.find(path) is not None or tree.find(path, follow_last=False) is not None

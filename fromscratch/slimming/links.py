"""The symlinks of an image that lead to something that is kept: other names by which it may be asked for."""

from fromscratch.model.entry import HardLink, Origin, Symlink
from fromscratch.paths import TreePath
from fromscratch.slimming.retained import SLIM, Retained
from fromscratch.slimming.trail import Trail, trail


def add_links(retained: Retained) -> None:
    """Keep every symlink that leads to what is kept, or to a folder above it, with the links that it leads through."""
    links = {place: trail(retained.tree, place) for place, entry in retained.tree.items() if _is_link(retained, place)}
    pending = {place: way for place, way in links.items() if way.complete}
    while True:
        there = retained.parents()
        found = {place: way for place, way in pending.items() if way.last in retained or way.last in there}
        if not found:
            return
        for place, way in found.items():
            _add(retained, place, way)
            del pending[place]


def _add(retained: Retained, place: TreePath, way: Trail) -> None:
    origin = Origin(SLIM, "link to", way.last)
    aside = Origin(SLIM, "parent of", "what lies beside it", origin)
    reasons = {**dict.fromkeys(way.left, aside), **dict.fromkeys((place, *way.links), origin)}
    for each, reason in reasons.items():
        if each not in retained:
            retained.add(each, (reason,))


def _is_link(retained: Retained, place: TreePath) -> bool:
    entry = retained.tree[place]
    return isinstance(retained.tree.inode(place) if isinstance(entry, HardLink) else entry, Symlink)

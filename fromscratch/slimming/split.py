"""An image in two layers: what programs use, and the rest. Nothing is lost, and who fetches lazily needs only one.

The layers divide the full tree, so neither removes anything: laid over each other they are the full tree again, with
every folder's metadata. What is used lies above, where a container's filesystem looks first.
"""

from collections.abc import Iterable, Iterator

from fromscratch.model.entry import File, also_from
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.transforms.layering import Part, divided

_COLD, _HOT = 0, 1
HOT_COMMENT, COLD_COMMENT = "hot: what was used", "cold: what was not"


def split(tree: Rootfs, used: Iterable[TreePath]) -> tuple[Part, ...]:
    """The two layers of a tree, the lower one first; a single one if everything was used, or nothing.

    `used` are paths of the tree; others, such as records that were rewritten for a smaller one, do not count.
    """
    hot = set(used)
    parts = divided(tree, {path: _HOT if path in hot else _COLD for path in tree if path != ROOT})
    comments = {_COLD: COLD_COMMENT, _HOT: HOT_COMMENT}
    found = tuple(Part(comments[number], part) for number, part in parts.items())
    return found or (Part(COLD_COMMENT, tree),)


def used_of(tree: Rootfs, selected: Rootfs) -> Iterator[TreePath]:
    """What a selection has of a tree as it is there, and so not what was rewritten for a smaller one."""
    for path, entry in selected.items():
        there = tree.get(path)
        if isinstance(entry, File) and isinstance(there, File) and entry.content != there.content:
            continue
        yield path


def with_reasons(tree: Rootfs, selected: Rootfs) -> Rootfs:
    """The full tree, of which what was selected has the reasons for that."""
    return tree.mapped(lambda path, entry: also_from(entry, selected[path]) if path in selected else entry)

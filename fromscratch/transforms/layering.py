"""The division of a tree into the trees of its layers.

The layers divide one finished tree, so none of them removes anything and no whiteout is needed
(image-spec/layer.md). Every entry is in one layer; a directory is in each other one too that has
something below it, with the same metadata, so that whoever unpacks one layer after the other
leaves it as the tree has it, its mtime included. All names of a hard-linked file are in one layer.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from fromscratch import paths
from fromscratch.model.entry import Entry, File, HardLink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.transforms.layer_rules import Unit, groups, units_of

Rule = Literal["one", "source", "package"] | int
"""What `layers:` of a recipe says; a number is a budget."""
_RECORD = 512


class Part(Struct, frozen=True):
    """The tree of one layer; `comment` describes it in a few words."""

    comment: str
    tree: Rootfs


def layered(tree: Rootfs, rule: Rule, items: Sequence[str], name: str) -> tuple[Part, ...]:
    """The layers of a tree, the lowest first: at least one, and no empty one unless the tree is.

    `items` are the labels of the sources in the order of the recipe, as origins call them; `name`
    is the comment of a layer that holds everything. `layer_rules` describes the rules.
    """
    if rule == "one":
        return (Part(name, tree),)
    folders = {paths.parent(path) for path in tree if path != ROOT}
    units = units_of(tree, items)
    del units[ROOT]  # in every layer, as the directory above all others
    sizes: dict[Unit, int] = {}
    for path, unit in units.items():
        if path not in folders:  # a directory that holds something needs no layer: it comes with that
            sizes[unit] = sizes.get(unit, 0) + _size(tree[path])
    layers = groups(sizes, rule)
    numbers = {unit: number for number, group in enumerate(layers) for unit in group.units}
    parts = divided(tree, {path: numbers[unit] for path, unit in units.items() if unit in numbers})
    if len(parts) < 2:
        return (Part(name, tree),)
    return tuple(Part(layers[number].comment, part) for number, part in parts.items())


def divided(tree: Rootfs, places: Mapping[TreePath, int]) -> dict[int, Rootfs]:
    """The trees of the layers that have something, by their numbers, for the layer that each entry belongs to.

    A file with several names is in the uppermost of theirs. A directory that holds something needs no place of its
    own, and one that has none comes with what it holds.
    """
    folders = {paths.parent(path) for path in tree if path != ROOT}
    known = _with_links(tree, places)
    filled = sorted({known[path] for path in known if path not in folders})
    return _parts(tree, known, filled)


def _size(entry: Entry) -> int:
    """About how many bytes of a tar it takes."""
    size = entry.content.size if isinstance(entry, File) else 0
    return _RECORD + size + -size % _RECORD


def _with_links(tree: Rootfs, places: Mapping[TreePath, int]) -> dict[TreePath, int]:
    """All names of a file in the uppermost of the layers that they would be in."""
    uppermost: dict[TreePath, int] = {}
    for path, entry in tree.items():
        if isinstance(entry, HardLink):
            known = uppermost.get(entry.target, places[entry.target])
            uppermost[entry.target] = max(known, places[path])
    names = {path: entry.target for path, entry in tree.items() if isinstance(entry, HardLink)}
    links = {path: uppermost[target] for path, target in names.items()}
    return {**places, **uppermost, **links}


def _parts(tree: Rootfs, places: Mapping[TreePath, int], filled: Sequence[int]) -> dict[int, Rootfs]:
    """The tree of each layer that has something: its own entries, and every directory above them."""
    entries: dict[int, dict[TreePath, Entry]] = {number: {ROOT: tree[ROOT]} for number in filled}
    for path, entry in tree.items():
        part = entries.get(places.get(path, -1))
        if part is None:
            continue
        part[path] = entry
        above = paths.parent(path)
        while above not in part:
            part[above] = tree[above]
            above = paths.parent(above)
    return {number: Rootfs(part) for number, part in entries.items()}

"""Project files laid over a tree, with whiteouts that remove files of the tree.

The form is the one of image layers (OCI image-spec, layer.md, "Whiteouts"): a file `.wh.NAME`
removes NAME from the directory it stands in, and `.wh..wh..opq` removes all that the directory held.
"""

from fromscratch import paths
from fromscratch.errors import NotInTree, UsageError
from fromscratch.model.entry import Directory, Entry, File
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.whiteouts import OPAQUE, PREFIX, has_whiteout_name
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath
from fromscratch.transforms.placement import with_modes


def overlaid(lower: Rootfs, upper: Rootfs, *, replace: bool = False) -> Rootfs:
    """`lower` with the whiteouts of `upper` carried out and its other entries laid over.

    A directory that both have keeps the metadata of `lower`, since a checkout of project files
    has no sticky bits; but a mode that the recipe sets counts. Raises UsageError for a
    whiteout that is not empty, NotInTree for a whiteout of what is not there, and Conflict as
    `Rootfs.merged` does.
    """
    marks = [path for path in upper if has_whiteout_name(path)]
    if marks:
        gone: list[TreePath] = []
        for mark in marks:
            if not isinstance(entry := upper[mark], File) or entry.content.size:
                raise UsageError(f"the whiteout {mark} is not an empty file", "empty it, or give it another name")
            gone += _removed_by(lower, mark)
        lower = lower.without(gone)
        upper = upper.without(marks)
    merged = lower.merged(upper, replace=replace, directories="keep")
    return with_modes(
        merged, {merged.resolve(path): entry.meta.mode for path, entry in upper.items() if _has_own_mode(entry)}
    )


def _has_own_mode(entry: Entry) -> bool:
    return isinstance(entry, Directory) and any(origin.reason == "asked for" for origin in entry.origins)


def _removed_by(lower: Rootfs, mark: TreePath) -> list[TreePath]:
    directory = paths.parent(lower.locate(mark))
    if paths.name(mark) == OPAQUE:
        return [paths.join(directory, child) for child in lower.children(directory)]
    name = paths.name(mark).removeprefix(PREFIX)
    unwanted = paths.join(directory, name) if name else directory
    if not name or unwanted not in lower:
        near = nearest(name, lower.children(directory))
        raise NotInTree(
            f"the whiteout {mark} removes nothing: there is no {unwanted}",
            f"did you mean {PREFIX}{near[0]}?" if near else "take the whiteout out of the overlay, or fix its name",
        )
    return [unwanted]

"""The files of /etc/skel in a new home folder."""

from msgspec.structs import replace

from fromscratch.errors import NotInTree
from fromscratch.model.entry import HardLink, with_meta
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import Machine

SKELETON = "/etc/skel"


def copy_skeleton(machine: Machine, home: TreePath, owner: tuple[int, int], skeleton: str = SKELETON) -> None:
    """Copy the files there into a home folder that is in the tree, owned by the user."""
    try:
        top = machine.tree.resolve(skeleton)
    except NotInTree:
        return
    for path in [*machine.tree.within(top)][1:]:
        entry = machine.tree.find(path, follow_last=False)
        if entry is None or isinstance(entry, HardLink):
            continue
        meta = replace(entry.meta, uid=owner[0], gid=owner[1])
        copied = replace(with_meta(entry, meta), origins=(machine.origin(),))
        machine.tree.put(TreePath(home + path[len(top) :]), copied)

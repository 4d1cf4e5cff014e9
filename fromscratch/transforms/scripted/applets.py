"""The links to busybox by the names of its applets, as `busybox --install -s` makes them."""

import posixpath

from fromscratch import paths
from fromscratch.formats.busybox import applets
from fromscratch.model.entry import Entry, File, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.transforms.scripted.missing import bytes_of, folder_place, with_missing

_PROGRAM_FOLDERS = tuple(map(TreePath, ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin")))


def with_applets(tree: Rootfs, label: str, *, absolute: bool = False) -> Rootfs:
    """A symlink to busybox for each of its applets whose name no program folder has.

    Each stands where `busybox --install -s` would put it, next to busybox itself where the binary
    does not tell. `linuxrc`, which belongs into the root folder and serves only at boot, is left out. The targets are
    relative, or `absolute` as Alpine has them.
    """
    place = next((tree.resolve(path) for path in ("/usr/bin/busybox", "/bin/busybox") if tree.find(path)), None)
    if place is None or not isinstance(tree.inode(place), File):
        return tree
    present = {name for folder in _PROGRAM_FOLDERS for name in tree.children(folder_place(tree, folder))}
    made: dict[TreePath, Entry] = {}
    because = tree[place].origins[0] if tree[place].origins else None
    origin = Origin(label, "made by", f"busybox --install, for an applet of {place}", because)
    for applet in applets(bytes_of(tree, place)):
        folder = folder_place(tree, applet.folder or paths.parent(place))
        if applet.name not in present and folder != ROOT:
            target = place if absolute else posixpath.relpath(place, folder)
            made[paths.join(folder, applet.name)] = Symlink(Meta(0o777), target, (origin,))
    return with_missing(tree, made)

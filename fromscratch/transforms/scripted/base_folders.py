"""The folders that every system has, whichever package would have made them."""

from fromscratch.model.entry import Directory, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.transforms.scripted.missing import with_missing

# The folders without which programs stumble, as base-files of Debian and alpine-baselayout ship them.
_FOLDERS = {
    "/dev": 0o755,
    "/etc": 0o755,
    "/proc": 0o755,
    "/root": 0o700,
    "/run": 0o755,
    "/sys": 0o755,
    "/tmp": 0o1777,
    "/var": 0o755,
    "/var/tmp": 0o1777,
}


def with_base_folders(tree: Rootfs, label: str, package: str) -> Rootfs:
    """The tree with these folders where no package ships them; `package` is the one that usually does."""
    origin = Origin(label, "made by", f"fromscratch, as {package} is not among the packages")
    return with_missing(tree, {TreePath(path): Directory(Meta(mode), (origin,)) for path, mode in _FOLDERS.items()})

"""The ld.so.cache of a tree, where its loader would not find all libraries without one."""

from fromscratch.linker.ld_so_conf import conf_directories
from fromscratch.linker.ldconfig import cache_bytes
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_CACHE = TreePath("/etc/ld.so.cache")
_BIG_ENDIAN = frozenset({"s390x"})


def with_loader_cache(tree: Rootfs, label: str, architecture: str) -> Rootfs:
    """The tree with a cache if /etc/ld.so.conf names folders with libraries where the loader itself does not look.

    Debian's loaders look into /lib and /usr/lib, and the folders there that are named as the architecture. Raises
    ImageError for libraries that cannot be read.
    """
    own = tuple(path for path in ("/lib", "/usr/lib") if tree.find(path) is not None)
    configured = conf_directories(tree)
    built_in = {tree.resolve(path) for path in own}
    built_in |= {place for path in configured for place in [_place(tree, path)] if place and _is_multiarch(place)}
    further = {place for path in configured for place in [_place(tree, path)] if place} - built_in
    if _CACHE in tree or not any(".so" in name for folder in further for name in tree.children(folder)):
        return tree
    data = cache_bytes(TreeRoot(tree), own, big_endian=architecture in _BIG_ENDIAN)
    origin = Origin(label, "made by", "ldconfig, run by the postinst of libc-bin")
    return tree.with_entries({_CACHE: File(Meta(0o644), Inline(data), (origin,))})


def _place(tree: Rootfs, path: str) -> TreePath | None:
    return tree.resolve(path) if tree.find(path) is not None else None


def _is_multiarch(place: TreePath) -> bool:
    top, _, name = place.rpartition("/")
    return top in ("/lib", "/usr/lib") and name.count("-") >= 2

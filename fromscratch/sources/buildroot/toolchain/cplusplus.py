"""The run-time libraries of C++ that a host toolchain brings, taken out of trees in which nothing uses them."""

from fromscratch import paths
from fromscratch.linker.unused_libraries import unused_libraries
from fromscratch.model.entry import Symlink
from fromscratch.model.rootfs import Rootfs

_BEGINNINGS = ("libstdc++.so", "libatomic.so")


def without_unused_cplusplus(tree: Rootfs) -> Rootfs:
    """The tree less libstdc++ and libatomic, if no program of it needs them.

    Buildroot copies them for every toolchain that can compile C++, and a host toolchain can wherever g++ is installed:
    2 MB in each image of C programs.
    """
    unused = {place for place in unused_libraries(tree) if paths.name(place).startswith(_BEGINNINGS)}
    links = {
        path
        for path, entry in tree.items()
        if isinstance(entry, Symlink)
        and paths.name(path).startswith(_BEGINNINGS)
        and tree.find(path) in [tree[place] for place in unused]
    }
    return tree.without(unused | links)

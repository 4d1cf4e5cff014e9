"""The files that tell the loader of a tree of libraries outside its own folders: ld.so.cache, musl's path file."""

from fromscratch.linker import ldconfig
from fromscratch.linker.gather import GatherResult
from fromscratch.linker.ld_so_cache import CACHE
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, parent


def with_search_files(tree: Rootfs, result: GatherResult, label: str) -> Rootfs:
    """The tree with a cache or path file that lists the folders of the libraries that were gathered for its loader."""
    folders = tuple(
        dict.fromkeys(str(parent(TreePath(each.path))) for each in result.objects if each.kind == "library")
    )
    origin = Origin(label, "made by", "the loader would not find all libraries without")
    made = {}
    cached: dict[bool, dict[str, None]] = {}  # by the byte order: the directories of all of GLIBC's loaders
    for program in result.programs:
        loader = program.loader
        if len(program.nodes) == 1:
            continue
        if loader.kind == "musl":
            lines = "".join(f"{each}\n" for each in dict.fromkeys((*loader.directories, *folders)))
            made[tree.locate(TreePath(loader.path_file))] = file(Inline(lines.encode()), origin)
        else:
            cached.setdefault(program.nodes[0].elf.big_endian, {}).update(dict.fromkeys(loader.directories))
    for big_endian, directories in cached.items():
        data = ldconfig.cache_bytes(TreeRoot(tree), dict.fromkeys((*folders, *directories)), big_endian=big_endian)
        made[tree.locate(TreePath(CACHE))] = file(Inline(data), origin)
    return tree.with_entries(made)

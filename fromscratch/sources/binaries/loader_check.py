"""Whether the loader inside the finished tree finds what was gathered for it, and the files that make it so."""

from fromscratch.errors import ImageError
from fromscratch.linker.closure import Linker, Missing
from fromscratch.linker.gather import GatherResult
from fromscratch.linker.search_files import with_search_files
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, Origin, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, encode
from fromscratch.sources.binaries.options import BinariesOptions

# ctypes.util of Python has it print the cache.
_PRINTER = TreePath("/usr/sbin/ldconfig")
_PRELOAD = TreePath("/etc/ld.so.preload")


def startable(tree: Rootfs, result: GatherResult, options: BinariesOptions, label: str) -> Rootfs:
    """The tree with an ld.so.cache (or musl's path file) where its loader would not find a library without, or where
    programs have ldconfig print it.

    Raises ImageError for a library that dlopen(3) would not find even so; the start check of the image tells of others.
    """
    if options.preload:
        origin = Origin(label, "asked for", "preload")
        present = tree.find(_PRELOAD)
        before = decode(read(present.content)) if isinstance(present, File) else ""
        known = before.replace(":", " ").split()
        lines = [*before.splitlines(), *(name for name in dict.fromkeys(options.preload) if name not in known)]
        text = "".join(f"{line}\n" for line in lines)
        tree = tree.with_entries({tree.locate(_PRELOAD): file(Inline(encode(text)), origin)})
    lost = _lost(tree, result, options)
    is_read = bool(lost) or _PRINTER in result.entries
    if (is_read and options.ld_cache == "auto") or options.ld_cache == "always":
        tree = with_search_files(tree, result, label)
        lost = _lost(tree, result, options)
    opened = [each for each in lost if not _is_linked(each.rule)]
    if opened:
        lines = [
            f"{each.name}, needed by {each.by}, is in the image, but its loader would not find it" for each in opened
        ]
        raise ImageError(
            "\n".join(dict.fromkeys(lines)), "put it where the loader looks, or set search: and LD_LIBRARY_PATH"
        )
    return tree


def _lost(tree: Rootfs, result: GatherResult, options: BinariesOptions) -> list[Missing]:
    """What was found when it was gathered, and is not in the image as it would start."""
    linker = Linker([TreeRoot(tree)], library_path=options.search_folders(), preload=options.preload, cache_only=True)
    known = {(each.name, each.by) for program in result.programs for each in program.missing}
    lost: dict[Missing, None] = {}
    for program in result.programs:
        again = linker.program(program.nodes[0].path)
        by_path = {node.path: node for node in again.nodes}
        for link in program.links:
            if not _is_linked(link.rule) and link.by in by_path:
                again.load(by_path[link.by], link.name, link.rule)
                by_path.update((node.path, node) for node in again.nodes)
        lost.update((each, None) for each in again.missing if (each.name, each.by) not in known)
    return list(lost)


def _is_linked(rule: str) -> bool:
    """Whether the loader itself follows a rule when it starts a program."""
    return rule.startswith(("DT_", "PT_", "LD_"))

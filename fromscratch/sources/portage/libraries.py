"""This machine's C library, and whatever else of it the packages were linked with: builds here use its compiler."""

from collections.abc import Callable, Iterator

from fromscratch.errors import ImageError
from fromscratch.formats.elf.headers import Elf
from fromscratch.formats.elf.platform import platform_of
from fromscratch.host.machine.view import with_hard_links
from fromscratch.linker.closure import Linker, Missing
from fromscratch.linker.gather import GatherResult, gather
from fromscratch.linker.root import Root
from fromscratch.linker.search_files import with_search_files
from fromscratch.linker.tree_root import RootBeneath, TreeRoot
from fromscratch.model.entry import Entry, File, Meta, Origin, with_meta
from fromscratch.model.image import Platform
from fromscratch.model.resolution import locate
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.stacked import Stacked
from fromscratch.paths import TreePath, shown
from fromscratch.progress import Progress

# Where Gentoo has its libraries, which the loaders of other systems need not look into: these come first all the same.
_FOLDERS = ("/usr/lib64", "/lib64", "/usr/lib", "/lib")


def with_libraries(
    tree: Rootfs, below: Rootfs, machine: tuple[str, Root], label: str, platform: Platform, progress: Progress
) -> Rootfs:
    """The tree with the libraries that its programs need and neither it nor what is `below` has.

    Raises ImageError for one that the machine does not have either.
    """
    upper = Stacked(tree, below)
    roots: list[Root] = [TreeRoot(upper), RootBeneath(machine[1], upper)]
    asked: dict[str, Origin] = {}
    asked.update((path, entry.origins[0]) for path, entry in tree.items() if isinstance(entry, File))
    result = gather(Linker(roots, library_path=_FOLDERS), asked, [], label, _is_for(platform))
    if result.missing:
        raise ImageError(
            "\n".join(dict.fromkeys(_lack(each) for each in result.missing)),
            "add the package that has it to packages:, or build without what needs it (package_use:)",
        )
    libraries = {each.place for each in result.objects}
    added = dict(_from_here(upper, result, libraries))
    if not added:
        return tree
    names = sorted({str(path).rpartition("/")[2] for path in added if path in libraries})
    progress.note(f"{label}: of {machine[0]}: {', '.join(names)}")
    whole = tree.merged(Rootfs(added), directories="keep")
    return with_hard_links(_searchable(whole, below, result, label))


def _from_here(upper: Stacked, result: GatherResult, libraries: set[TreePath]) -> Iterator[tuple[TreePath, Entry]]:
    for path, entry in result.entries.items():
        if result.root_numbers[path] == 1:
            meta = entry.meta
            readable = (0o555 if meta.mode & 0o111 else 0o444) if path in libraries else 0
            yield locate(upper, path), with_meta(entry, Meta(meta.mode | readable, 0, 0, 0, meta.xattrs))


def _searchable(tree: Rootfs, below: Rootfs, result: GatherResult, label: str) -> Rootfs:
    """With the files that tell the loader where the libraries are: Gentoo's folders are not those of other systems."""
    whole = with_search_files(below.merged(tree, replace=True, directories="keep"), result, label)
    made = {path: entry for path, entry in whole.items() if _is_made_by(entry, label) and path not in tree}
    return tree.merged(Rootfs(made), directories="keep") if made else tree


def _is_made_by(entry: Entry, label: str) -> bool:
    return any(each.source == label and each.reason in ("made by", "parent of") for each in entry.origins)


def _is_for(platform: Platform) -> Callable[[Elf], bool]:
    def follows(elf: Elf) -> bool:
        found = platform_of(elf)
        return found is None or found.architecture == platform.architecture

    return follows


def _lack(missing: Missing) -> str:
    where = missing.fault or f"it is in none of {', '.join(missing.searched)}"
    return shown(f"{missing.name}, needed by {missing.by} ({missing.rule}): {where}")

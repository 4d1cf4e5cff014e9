"""The entries of a slice: paths and globs that stand for what is used of a package, each with the reason for it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from fromscratch import paths
from fromscratch.formats.slice import glob_of
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.entry import Directory, Entry
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_LIBRARY = lazy_regex(r"(.+\.so\.[0-9]+)\.[0-9.]+")
_LOCALE = lazy_regex(r"(/usr/lib/locale/[^/]+)/.+")
_FEWEST = 2  # files that make a folder worth a glob


class Owned(Struct, frozen=True):
    """The files of a package in a tree, `used` ones and all others; `totals` counts any package's below each folder."""

    files: frozenset[TreePath]
    used: frozenset[TreePath]
    totals: Mapping[TreePath, int]


def totals(tree: Rootfs) -> dict[TreePath, int]:
    """How many files, links and devices are below each folder."""
    return Counter(
        folder for path, entry in tree.items() if not isinstance(entry, Directory) for folder in paths.ancestors(path)
    )


def entries_of(selected: Rootfs, owned: Owned, used: Iterable[TreePath]) -> Iterator[tuple[str, str]]:
    """The entries for what is used of a package, its folders too, in the order of the tree, each with its reason.

    A folder with files of the package alone, which are all used, is a glob, so that the files of a later version come
    along; so are the folder of a locale, and a library whose name has its whole version.
    """
    known = sorted(used, key=paths.sort_key)
    files, whole = owned.used, _whole_folders(owned)
    seen: set[str] = set()
    for path in known:
        folder = next((above for above in paths.ancestors(path) if above in whole), path if path in whole else None)
        if folder is not None:
            entry = f"{glob_of(folder)}/**"
            inside = [each for each in known if each in files and paths.is_within(each, folder)]
            reason = f"{len(inside)} files; {_reason(selected[inside[0]])}"
        elif path in files:
            entry, reason = _library(path, owned) or glob_of(path), _reason(selected[path])
        elif _is_used_itself(selected[path]) and not any(paths.is_within(file, path) for file in files):
            entry, reason = glob_of(path), _reason(selected[path])
        else:
            continue  # it comes with what it holds
        if entry not in seen:
            seen.add(entry)
            yield entry, reason


def _whole_folders(owned: Owned) -> set[TreePath]:
    """The uppermost folders with files of the package alone, in which all are used, or which are those of a locale."""
    there = Counter(folder for path in owned.files for folder in paths.ancestors(path))
    in_use = Counter(folder for path in owned.used for folder in paths.ancestors(path))
    locales = {TreePath(found[1]) for found in map(_LOCALE.fullmatch, owned.used) if found}
    whole = {
        folder
        for folder, number in in_use.items()
        if there[folder] == owned.totals[folder] and (number == there[folder] >= _FEWEST or folder in locales)
    }
    return {folder for folder in whole if not any(above in whole for above in paths.ancestors(folder))}


def _library(path: TreePath, owned: Owned) -> str:
    """A glob for a library of any lesser version; empty if that would take what is not used."""
    found = _LIBRARY.fullmatch(path)
    if found is None:
        return ""
    start = f"{found[1]}."
    versions = {each for each in owned.files if each.startswith(start) and "/" not in each[len(start) :]}
    return f"{glob_of(found[1])}.*" if versions <= owned.used else ""


def _is_used_itself(entry: Entry) -> bool:
    return any(origin.reason != "parent of" for origin in entry.origins)


def _reason(entry: Entry) -> str:
    first = next((origin for origin in entry.origins if origin.reason != "parent of"), None)
    return f"{first.reason} {first.detail}" if first else ""

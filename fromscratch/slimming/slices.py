"""Slices made of evidence: which files of each package were used or are linked, and why."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import ImageError, UsageError
from fromscratch.formats import os_release
from fromscratch.formats.databases.contract import bytes_at
from fromscratch.formats.installed import Package
from fromscratch.formats.os_release import OsRelease
from fromscratch.formats.slice import Slice
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.entry import Directory, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath
from fromscratch.slimming.packages import PackageRecords
from fromscratch.slimming.slice_comparison import compare
from fromscratch.slimming.slice_entries import Owned, entries_of, totals

# In the detail of a reason: the path of the file that asks for another, or that was started.
_PATH = lazy_regex(r"(/[^ ]*)")
_USES = ("opened by", "started by", "looked at by")
_ASKS = ("needed by", "interpreter of", *_USES)
# The first two numbers of a version, in which a package keeps its files as a rule.
_VERSION = lazy_regex(r"((?:[0-9]{1,9}:)?)([0-9]{1,18})(?:\.([0-9]{1,18}))?.*+", re.DOTALL)


class Written(Struct, frozen=True):
    """`slices` by the names of their files, and the paths that were used and belong to no package.

    What a build with slices makes again, such as the links of a merged /usr, is not among these.
    """

    slices: Mapping[str, Slice]
    unowned: tuple[TreePath, ...] = ()


def slices_of(full: Rootfs, selected: Rootfs, records: PackageRecords, only: Sequence[str] = ()) -> Written:
    """A slice for each package of the full tree that has a file in `selected`, whose entries have their reasons.

    With `only`, for these packages and those that they need. Raises UsageError for one that has no such file.
    """
    used, unowned = _by_package(selected, records)
    owned = _owned(full, used, records)
    names = _file_names(used)
    needs = _needs(full, selected, records, used, only)
    distribution = str(_release(full))
    slices: dict[str, Slice] = {}
    for package in sorted(_chosen(needs, only)):
        one = Slice(
            package=package.name,
            manager=package.manager,
            versions=versions(package),
            distribution=distribution,
            architecture=package.architecture,
            files=dict(entries_of(selected, owned[package], used[package])),
            needs=sorted(names[other] for other in needs[package]),
        )
        compared = compare(one, package.version, full, owned[package].files)
        slices[names[package]] = replace(one, not_taken=len(compared.beside))
    return Written(slices, unowned)


def versions(package: Package) -> str:
    """The range that a slice is for: from the version that was seen up to the next of its first two numbers."""
    lower = f">= {package.version}"
    found = _VERSION.fullmatch(package.version)
    if found is None:
        return lower
    epoch, major, minor = found[1], found[2], found[3]
    upper = f"{epoch}{major}.{int(minor) + 1}" if minor else f"{epoch}{int(major) + 1}"
    # A tilde sorts before the version itself, so that its candidates are left out too.
    return f"{lower}, << {upper}{'~' if package.manager == 'dpkg' else ''}"


def _by_package(
    selected: Rootfs, records: PackageRecords
) -> tuple[dict[Package, list[TreePath]], tuple[TreePath, ...]]:
    used: dict[Package, list[TreePath]] = {}
    unowned: list[TreePath] = []
    for path, entry in selected.items():
        owner = records.owner(path)
        if owner is not None:
            used.setdefault(owner, []).append(path)
        elif not isinstance(entry, Directory) and not records.is_made(path):
            unowned.append(path)
    used = {package: found for package, found in used.items() if not all(_is_folder(selected, path) for path in found)}
    return used, tuple(unowned)


def _owned(full: Rootfs, used: Mapping[Package, Sequence[TreePath]], records: PackageRecords) -> dict[Package, Owned]:
    files: dict[Package, set[TreePath]] = {package: set() for package in used}
    for path in full:
        owner = None if _is_folder(full, path) else records.owner(path)
        if owner in files:
            files[owner].add(path)
    counts = totals(full)
    return {
        package: Owned(
            files=frozenset(found), used=frozenset(path for path in used[package] if path in found), totals=counts
        )
        for package, found in files.items()
    }


def _is_folder(tree: Rootfs, path: TreePath) -> bool:
    return isinstance(tree.get(path), Directory)


def _file_names(packages: Iterable[Package]) -> dict[Package, str]:
    """By name; packages of one name for several architectures have these in the names of their files too."""
    known = list(packages)
    count = Counter(one.name for one in known)
    return {
        one: one.name.replace("/", "_") + (f"-{one.architecture}" if count[one.name] > 1 else "") + ".yaml"
        for one in known
    }


def _needs(
    full: Rootfs,
    selected: Rootfs,
    records: PackageRecords,
    used: Mapping[Package, Iterable[TreePath]],
    only: Sequence[str],
) -> dict[Package, set[Package]]:
    """For each package those whose files its own files ask for, start or lead to.

    Where a trace does not say which program used a file, as a list of paths, the used ones of `only` need it.
    """
    needs: dict[Package, set[Package]] = {package: set() for package in used}
    used_by_anyone: set[Package] = set()
    # A file that many link to does not have all of them among its reasons.
    root = TreeRoot(full)
    libraries = {paths.name(path): package for package, files in used.items() for path in files}

    def record(by: Package | None, needed: Package | None) -> None:
        if by in needs and needed in needs and by != needed:
            needs[by].add(needed)

    for package, files in used.items():
        for path in files:
            entry = selected[path]
            if any(origin.reason in _USES and not _asker(origin) for origin in entry.origins):
                used_by_anyone.add(package)
            if isinstance(entry, Symlink):
                record(package, _owner(full, records, path))
            for place in filter(None, map(_asker, entry.origins)):
                record(_owner(full, records, place), package)
            for library in _linked(root, path):
                record(package, libraries.get(library))
    for package in used_by_anyone:
        if package.name in only:
            needs[package] |= used_by_anyone - {package}
    return needs


def _linked(root: TreeRoot, path: TreePath) -> tuple[str, ...]:
    """The names of the libraries that a program or library links to."""
    found = root.file(path)
    return found.elf.needed if found and found.elf else ()


def _asker(origin: Origin) -> str:
    """The file that an origin says asks for an entry; empty if it names none."""
    found = _PATH.match(origin.detail) if origin.reason in _ASKS else None
    return found[1] if found else ""


def _owner(full: Rootfs, records: PackageRecords, path: str) -> Package | None:
    try:
        return records.owner(full.resolve(path))
    except ImageError:
        return None


def _chosen(needs: Mapping[Package, set[Package]], only: Sequence[str]) -> set[Package]:
    if not only:
        return set(needs)
    chosen: set[Package] = set()
    for name in only:
        found = [package for package in needs if package.name == name]
        if not found:
            near = nearest(name, [package.name for package in needs], count=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see which packages are used without naming one"
            raise UsageError(f"no file of the package {name} is used, or there is no such package", hint)
        chosen.update(found)
    pending = list(chosen)
    while pending:
        new = needs[pending.pop()] - chosen
        chosen |= new
        pending += new
    return chosen


def _release(tree: Rootfs) -> OsRelease:
    return next((os_release.read(raw) for place in os_release.PLACES if (raw := bytes_at(tree, place))), OsRelease())

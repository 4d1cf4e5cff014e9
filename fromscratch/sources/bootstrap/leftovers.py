"""What a tool leaves in a root that is of the machine, or of the moment, and not of the root: pure, tree to tree."""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Entry, File, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, matcher
from fromscratch.sources.bootstrap.tools.contract import EPOCH
from fromscratch.transforms.one_machine import OF_ONE_MACHINE

_RPM = "/rpm/rpmdb.sqlite"
_LOGS = "/var/log/**"
_NAMING_REPOSITORIES = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*",
    "/etc/apk/repositories",
    "/etc/yum.repos.d/*",
    "/etc/zypp/repos.d/*",
    "/etc/pacman.conf",
    "/etc/pacman.d/mirrorlist",
)
_PACMAN_DATE = re.compile(rb"(?m)^(%INSTALLDATE%\n)[0-9]+$")


def cleaned(tree: Rootfs, globs: Sequence[str], addresses: Mapping[str, str], during: tuple[int, int]) -> Rootfs:
    """The tree without leftovers, those of `globs` too; the files of logs go, and their folders stay.

    `addresses` says for the address of a repository, as the tool was given it, which one it stands for: the
    configuration of the root names that. Times of installation in records of packages, and those of files that were
    changed `during` the making, in nanoseconds since 1970, are the one that tools get. Times of a package's own files
    are from before it, or, where a clock is wrong, from after it.
    """
    tree = _at_one_time(_with_rpm_times(tree), *during)
    # A glob with ** spares the folder itself; what is a mount point of every container has to stay.
    leftover, log = matcher([*OF_ONE_MACHINE, *globs]), matcher([_LOGS])
    tree = tree.without([path for path, entry in tree.items() if leftover(path) or (log(path) and _is_file(entry))])
    changed: dict[TreePath, Entry] = {}
    for globs_of, change in (
        (_NAMING_REPOSITORIES, lambda data: _with_real_addresses(data, addresses)),
        (("/var/lib/pacman/local/*/desc",), lambda data: _PACMAN_DATE.sub(rb"\g<1>%d" % EPOCH, data)),
    ):
        changed |= _changed(tree, matcher(globs_of), change)
    return tree.with_entries(changed) if changed else tree


def _at_one_time(tree: Rootfs, since: int, until: int) -> Rootfs:
    moment = EPOCH * 1_000_000_000

    def changed(_: TreePath, entry: Entry) -> Entry:
        return with_meta(entry, replace(entry.meta, mtime=moment)) if since <= entry.meta.mtime <= until else entry

    return tree.mapped(changed)


def _with_rpm_times(tree: Rootfs) -> Rootfs:
    """With the database of RPM as if all were installed at one time, and its log of changes in it."""
    place = next((path for path in tree if path.endswith(_RPM)), None)
    entry = tree[place] if place else None
    if place is None or not isinstance(entry, File):
        return tree
    from fromscratch.formats.rpm import sqlite

    log = tree.find(f"{place}-wal")
    raw = sqlite.at_time(read(entry.content), read(log.content) if isinstance(log, File) else b"", EPOCH)
    tree = tree.without([path for path in tree if path.startswith(f"{place}-")])
    return tree.with_entries({place: File(entry.meta, Inline(raw), entry.origins)})


def _is_file(entry: Entry) -> bool:
    return isinstance(entry, File)


def _changed(
    tree: Rootfs, chosen: Callable[[TreePath], bool], change: Callable[[bytes], bytes]
) -> dict[TreePath, Entry]:
    found: dict[TreePath, Entry] = {}
    for path, entry in tree.items():
        if isinstance(entry, File) and chosen(path):
            before = read(entry.content)
            after = change(before)
            if after != before:
                found[path] = File(entry.meta, Inline(after), entry.origins)
    return found


def _with_real_addresses(data: bytes, addresses: Mapping[str, str]) -> bytes:
    for given, real in sorted(addresses.items(), reverse=True):
        data = data.replace(given.encode(), real.encode())
    return data

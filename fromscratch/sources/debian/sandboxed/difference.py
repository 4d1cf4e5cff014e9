"""What scripts have changed: from two states of a root, and put into the tree of an image. Pure, tree to tree."""

from collections.abc import Collection

from msgspec.structs import replace

from fromscratch.model.entry import Directory, Entry, HardLink, Origin, with_meta
from fromscratch.model.merge import equal_but_for_time
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, matcher, parent
from fromscratch.transforms.one_machine import OF_ONE_MACHINE

NEVER = (
    *OF_ONE_MACHINE,
    # What the sandbox itself is made of, the records of dpkg, which an image has in another form, and caches.
    *("/debs", "/debs/**", "/usr/sbin/policy-rc.d", "/etc/hosts", "/var/lib/dpkg", "/var/lib/dpkg/**"),
    *("/var/cache/debconf", "/var/cache/debconf/**", "/var/cache/apt", "/var/cache/apt/**"),
    *("/etc/ld.so.cache", "/var/lib/systemd/deb-systemd-*", "/var/lib/systemd/deb-systemd-*/**"),
    *("**/__pycache__", "**/__pycache__/**", "/etc/ssl/private/ssl-cert-snakeoil.key"),
    "/etc/ssl/certs/ssl-cert-snakeoil.pem",
    # Which services a system starts: a container starts its command.
    *("/etc/rc?.d/*", "/etc/systemd/system/*", "/etc/systemd/system/**"),
)
"""What is left out of an image: globs."""
_FLEETING = ("/var/log/", "/var/cache/")
"""Where folders stay and files go."""


def changes(before: Rootfs, after: Rootfs, during: tuple[int, int]) -> Rootfs:
    """The entries that are other than before, with the folders above them.

    Files that were written `during` the run, in nanoseconds since 1970, get the time 0, whatever the clock said.
    """
    never = matcher(NEVER)
    found: set[TreePath] = set()
    for path, entry in after.items():
        old = before.find(path, follow_last=False) if path in before else None
        if never(path) or (old is not None and _is_same(before, path, after, path)) or _is_fleeting(path, entry):
            continue
        while path not in found:
            found.add(path)
            path = parent(path)
    return Rootfs({path: _settled(after, path, found, during) for path in after if path in found})


def gone(before: Rootfs, after: Rootfs) -> list[TreePath]:
    """The paths that are there no more."""
    never = matcher(NEVER)
    return [path for path in before if path not in after and not never(path)]


def with_changes(
    tree: Rootfs, changed: Rootfs, removed: Collection[TreePath], installed: Collection[str], made: Origin
) -> Rootfs:
    """The tree of packages after their scripts.

    `installed` are the packages, as origins show them, whose files dpkg has unpacked in between, so that what
    is not among the changes was removed by a script. What a script has made has the origin `made`.
    """
    never = matcher(NEVER)
    lost = [path for path in removed if path in tree]
    for path, entry in tree.items():
        if isinstance(entry, Directory) or path in changed or never(path) or _is_fleeting(path, entry):
            continue
        shipped = [origin.detail for origin in entry.origins if origin.reason == "shipped in"]
        if shipped and all(name in installed for name in shipped):
            lost.append(path)
    tree = tree.without(lost)
    return tree.with_entries(
        {
            path: _with_origin(tree, path, entry, made)
            for path, entry in changed.items()
            if path not in tree or not _is_same(tree, path, changed, path)
        }
    )


def _is_same(one: Rootfs, path: TreePath, other: Rootfs, place: TreePath) -> bool:
    return equal_but_for_time(one.inode(path), other.inode(place))


def _is_fleeting(path: TreePath, entry: Entry) -> bool:
    return path.startswith(_FLEETING) and not isinstance(entry, Directory)


def _settled(after: Rootfs, path: TreePath, found: Collection[TreePath], during: tuple[int, int]) -> Entry:
    entry = after[path]
    if isinstance(entry, HardLink) and entry.target not in found:
        entry = after.inode(path)
    since, until = during
    written = since <= entry.meta.mtime <= until
    return with_meta(entry, replace(entry.meta, mtime=0)) if written else entry


def _with_origin(tree: Rootfs, path: TreePath, entry: Entry, made: Origin) -> Entry:
    """The reasons for what was there stay beside the new one."""
    old = tree[path].origins if path in tree else ()
    return replace(entry, origins=(*(origin for origin in old if origin.reason == "shipped in"), made))

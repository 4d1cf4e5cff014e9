"""What scripts of packages would have made, made by us where it matters: no script ever runs."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.formats.alpine.account_script import accounts_of
from fromscratch.formats.alpine.listing import Shipped
from fromscratch.formats.glibc.passwd import records
from fromscratch.model.entry import Directory, HardLink, Meta, Origin, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, tree_path
from fromscratch.transforms.scripted.busybox_accounts import with_busybox_accounts

# Scripts that count for a fresh root, in the order in which apk runs them. Triggers come last of all.
_SCRIPTS = ("pre-install", "post-install", "trigger")
# Packages whose scripts are made natively: the applets, the bundle of authorities, and an owner of /etc/shadow that
# the package ships already.
_MADE = frozenset({"busybox", "ca-certificates", "alpine-baselayout"})


class Scripted(Struct, frozen=True):
    """The scripts of a package by name, and the folders that its trigger watches."""

    name: str
    shown: str
    scripts: Mapping[str, bytes]
    triggers: str = ""


def with_accounts_of(tree: Rootfs, packages: Sequence[Scripted], label: str) -> Rootfs:
    """The tree with the accounts that the scripts of these packages make, package after package."""
    for package in packages:
        for name in _SCRIPTS[:2]:
            calls = accounts_of(decode(package.scripts.get(name, b""))).calls
            if calls:
                origin = Origin(label, "made by", f"the {name} script of {package.shown}")
                tree = with_busybox_accounts(tree, calls, origin)
    return tree


def not_run(tree: Rootfs, packages: Iterable[Scripted]) -> list[str]:
    """A line for each package whose scripts would have done more than is made."""
    found = []
    for package in packages:
        if package.name in _MADE:
            continue
        names = [
            name
            for name in _SCRIPTS
            if name in package.scripts and not accounts_of(decode(package.scripts[name])).is_whole
        ]
        if "trigger" in names and not _is_triggered(tree, package.triggers):
            names.remove("trigger")
        if names:
            found.append(f"{package.shown}: {' and '.join(names)} not run")
    return found


def _is_triggered(tree: Rootfs, patterns: str) -> bool:
    watched = patterns.split()
    if any(tree.find(tree_path(pattern)) is not None for pattern in watched if "*" not in pattern):
        return True
    globs = [pattern for pattern in watched if "*" in pattern]
    return bool(globs) and any(
        isinstance(entry, Directory) and fnmatchcase(path, glob) for path, entry in tree.items() for glob in globs
    )


class Owned(Struct, frozen=True):
    """What a package (by `shown`) ships, with the owners that its files have in this root."""

    shown: str
    shipped: Sequence[Shipped]


def owned(tree: Rootfs, packages: Iterable[Owned]) -> list[Owned]:
    """The packages with the numbers that the names of their owners have in the tree, as apk looks them up.

    It unpacks one package after the other: the one that brings passwd or group keeps its own numbers for users or
    groups, and so do those before it. An unknown name has the number of the archive.
    """
    users = {fields[0]: int(fields[2]) for fields in reversed(list(records(tree, "/etc/passwd", 7)))}
    groups = {fields[0]: int(fields[2]) for fields in reversed(list(records(tree, "/etc/group", 4)))}
    every = list(packages)
    first_user, first_group = (_first_after(every, path) for path in ("etc/passwd", "etc/group"))
    found = []
    for number, package in enumerate(every):
        known_users = users if number >= first_user else {}
        known_groups = groups if number >= first_group else {}
        found.append(Owned(package.shown, [_resolved(one, known_users, known_groups) for one in package.shipped]))
    return found


def _first_after(packages: Sequence[Owned], path: str) -> int:
    """The number of the first package that is unpacked when this file is there; 0 if no package ships it."""
    for number, package in enumerate(packages):
        if any(one.path == path for one in package.shipped):
            return number + 1
    return 0


def _resolved(one: Shipped, users: Mapping[str, int], groups: Mapping[str, int]) -> Shipped:
    uid, gid = users.get(one.user, one.uid), groups.get(one.group, one.gid)
    return one if (uid, gid) == (one.uid, one.gid) else replace(one, uid=uid, gid=gid)


def with_owners(tree: Rootfs, before: Owned, after: Owned) -> Rootfs:
    """The tree of a package with the owners that differ between these two, also of a file's other names."""
    metas: dict[TreePath, Meta] = {}
    for row, resolved in zip(before.shipped, after.shipped, strict=True):
        entry = tree.get(tree_path(row.path)) if resolved is not row else None
        if entry is not None:
            inode = entry.target if isinstance(entry, HardLink) else tree_path(row.path)
            metas[inode] = replace(entry.meta, uid=resolved.uid, gid=resolved.gid)
    if not metas:
        return tree
    inodes = ((path, entry, entry.target if isinstance(entry, HardLink) else path) for path, entry in tree.items())
    return tree.with_entries({path: with_meta(entry, metas[inode]) for path, entry, inode in inodes if inode in metas})

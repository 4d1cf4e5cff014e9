"""The owners that packages ask for: no ordinary user can give files away, so it is done in the image."""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.formats.glibc.passwd import records
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.entry import Symlink, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_NUMBER = lazy_regex(r"[0-9]{1,10}")
_HIGHEST = (1 << 32) - 2
RECORD = "OWNERS"
"""The file in the record of a package, and below /var/db of the root, that `PROGRAM` writes to."""

PROGRAM = f"""\
#!/bin/sh
# Stands for chown and chgrp while packages are built: what cannot be done here is written down for the image.
name=${{0##*/}}
command -p "$name" "$@" 2>/dev/null && exit 0
case ${{EBUILD_PHASE:-}} in
install) record=$PORTAGE_BUILDDIR/build-info/{RECORD} ;;
preinst | postinst) record=${{ROOT%/}}/var/db/{RECORD} ;;
*) exec env PATH=/usr/bin:/bin "$name" "$@" ;;
esac
line=$name
for word; do
    case $word in
    "${{D%/}}"/*) word=/${{word#"${{D%/}}"/}} ;;
    "${{ROOT%/}}"/*) word=/${{word#"${{ROOT%/}}"/}} ;;
    esac
    line="$line	$word"
done
printf '%s\\n' "$line" >>"$record"
"""


class OwnerChange(Struct, frozen=True):
    """A call of chown or chgrp for one path; an empty name or number leaves the user or group as it is."""

    path: str
    user: str
    group: str
    recursive: bool = False


def parse(text: str) -> Iterator[OwnerChange]:
    """The changes that lines of `PROGRAM` ask for."""
    for line in text.splitlines():
        program, *words = line.split("\t")
        options = [word for word in words if word.startswith("-")]
        owner, *places = [word for word in words if not word.startswith("-")] or [""]
        user, _, group = ("", "", owner) if program == "chgrp" else owner.replace(".", ":", 1).partition(":")
        recursive = any(option == "--recursive" or (option[:2] != "--" and "R" in option) for option in options)
        yield from (OwnerChange(place, user, group, recursive) for place in places if place.startswith("/"))


def applied(tree: Rootfs, changes: Iterable[OwnerChange]) -> tuple[Rootfs, list[str]]:
    """The tree with these owners, and a line for each that it has no account for."""
    users = {"root": 0} | {fields[0]: int(fields[2]) for fields in records(tree, "/etc/passwd", 7)}
    groups = {"root": 0} | {fields[0]: int(fields[2]) for fields in records(tree, "/etc/group", 4)}
    notes = []
    for change in changes:
        uid, gid = _number(change.user, users), _number(change.group, groups)
        if uid is None or gid is None:
            owner = f"{change.user}:{change.group}".rstrip(":")
            notes.append(f"{change.path} should belong to {owner}, which is not an account of the image")
            continue
        found = {}
        for path in _reached(tree, change):
            meta = tree[path].meta
            owned = replace(meta, uid=meta.uid if uid < 0 else uid, gid=meta.gid if gid < 0 else gid)
            found[path] = with_meta(tree[path], owned)
        tree = tree.with_entries(found) if found else tree
    return tree, notes


def _number(name: str, known: dict[str, int]) -> int | None:
    """The number of an account; -1 to leave it as it is, and None for an unknown one."""
    if not name:
        return -1
    if not _NUMBER.fullmatch(name):
        return known.get(name)
    return int(name) if int(name) <= _HIGHEST else None


def _reached(tree: Rootfs, change: OwnerChange) -> list[TreePath]:
    try:
        top = tree.locate(paths.tree_path(change.path))
    except NotInTree:
        return []
    if top not in tree:
        return []  # it was left out
    below = [path for path in tree if paths.is_within(path, top)] if change.recursive else [top]
    return [path for path in below if not isinstance(tree[path], Symlink)]

"""apk's own records in the tree: what scanners read, and what apk needs to go on."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from fromscratch.formats.alpine import database
from fromscratch.formats.alpine.database import Record
from fromscratch.formats.alpine.dependency import Dependency
from fromscratch.formats.alpine.installed import installed
from fromscratch.formats.alpine.listing import Shipped
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Entry, File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, encode, tree_path
from fromscratch.sources.alpine.natives import Owned
from fromscratch.sources.alpine.opened import Opened
from fromscratch.transforms.scripted.missing import bytes_of, with_missing

_DATABASE = "/lib/apk/db"
_ROOT = Shipped("", True, 0o755, 0, 0, "root", "root")


def with_records(
    tree: Rootfs,
    packages: Sequence[Opened],
    owned: Sequence[Owned],
    world: Sequence[Dependency],
    architecture: str,
    keys: Mapping[str, bytes],
    label: str,
) -> Rootfs:
    """The tree with the database of these packages; of a file that another package has replaced, that one's record.

    Where the tree has a database already, those that it does not list are added to it.
    """
    known = {each.package.name for each in installed(bytes_of(tree, tree_path(f"{_DATABASE}/installed")))}
    records = [
        _record(tree, one, each.shipped)
        for one, each in zip(packages, owned, strict=True)
        if one.planned.package.name not in known
    ]
    files = {
        f"{_DATABASE}/installed": encode(database.installed(records)),
        f"{_DATABASE}/scripts.tar": database.scripts(records),
        f"{_DATABASE}/triggers": encode(database.triggers(records)),
        "/etc/apk/world": encode(database.world(world)),
        "/etc/apk/arch": encode(f"{architecture}\n"),
        **{f"/etc/apk/keys/{name}": pem for name, pem in keys.items()},
    }
    origin = Origin(label, "made by", "apk, as its record of what it installs")
    joined = dict(_joined(tree, files, origin))
    return with_missing(tree, dict(_entries(files, origin))).with_entries(joined)


def _joined(tree: Rootfs, files: Mapping[str, bytes], origin: Origin) -> Iterator[tuple[TreePath, Entry]]:
    """The files of a database that was there before, with what is new behind what they have."""
    for name, join in _JOINS.items():
        path = tree_path(name)
        entry = tree.find(path)
        if isinstance(entry, File):
            content = Inline(join(read(entry.content), files[name]))
            yield tree.resolve(path), replace(entry, content=content, origins=(*entry.origins, origin))


def _more_lines(before: bytes, new: bytes) -> bytes:
    known = before.splitlines()
    return b"".join(line + b"\n" for line in [*known, *(line for line in new.splitlines() if line not in known)])


def _more_paragraphs(before: bytes, new: bytes) -> bytes:
    return before.rstrip(b"\n") + b"\n\n" + new


def _more_members(before: bytes, new: bytes) -> bytes:
    """Two tars as one: without the zeros that end the first."""
    end = -(-len(before.rstrip(b"\0")) // _BLOCK) * _BLOCK
    return before[:end] + new


_BLOCK = 512
_JOINS: dict[str, Callable[[bytes, bytes], bytes]] = {
    f"{_DATABASE}/installed": _more_paragraphs,
    f"{_DATABASE}/scripts.tar": _more_members,
    f"{_DATABASE}/triggers": _more_lines,
    "/etc/apk/world": _more_lines,
}


def _entries(files: Mapping[str, bytes], origin: Origin) -> Iterator[tuple[TreePath, Entry]]:
    for path, content in files.items():
        yield tree_path(path), File(Meta(0o644), Inline(content), (origin,))


def _record(tree: Rootfs, one: Opened, shipped: Sequence[Shipped]) -> Record:
    package = one.planned.package
    return Record(
        package=package,
        shipped=list(_remaining(tree, one, shipped)),
        replaces=" ".join(one.control.fields.get("replaces", ())),
        replaces_priority=one.control.replaces_priority,
        tag=one.planned.tag,
        triggers=one.control.one("triggers"),
        scripts=one.control.scripts,
    )


def _remaining(tree: Rootfs, one: Opened, shipped: Sequence[Shipped]) -> Iterator[Shipped]:
    """What a package still has. The root folder has no entry of its own, and stays where it had a file there."""
    for row in shipped:
        if row.is_directory or _is_its_own(tree, row.path, one):
            yield row
        elif "/" not in row.path:
            yield _ROOT


def _is_its_own(tree: Rootfs, path: str, one: Opened) -> bool:
    entry = tree.find(tree_path(path), follow_last=False)
    return entry is not None and any(origin.detail == one.planned.shown for origin in entry.origins)

"""apk's own records in the tree: what scanners read, and what apk needs to go on."""

from collections.abc import Iterator, Mapping, Sequence

from fromscratch.formats.alpine import database
from fromscratch.formats.alpine.database import Record
from fromscratch.formats.alpine.dependency import Dependency
from fromscratch.formats.alpine.listing import Shipped
from fromscratch.model.content import Inline
from fromscratch.model.entry import Entry, File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, encode, tree_path
from fromscratch.sources.alpine.natives import Owned
from fromscratch.sources.alpine.opened import Opened
from fromscratch.transforms.scripted.missing import with_missing

_DATABASE = "/lib/apk/db"


def with_records(
    tree: Rootfs,
    packages: Sequence[Opened],
    owned: Sequence[Owned],
    world: Sequence[Dependency],
    architecture: str,
    keys: Mapping[str, bytes],
    label: str,
) -> Rootfs:
    """The tree with the database of these packages; of a file that another package has replaced, that one's record."""
    records = [_record(tree, one, each.shipped) for one, each in zip(packages, owned, strict=True)]
    files = {
        f"{_DATABASE}/installed": encode(database.installed(records)),
        f"{_DATABASE}/scripts.tar": database.scripts(records),
        f"{_DATABASE}/triggers": encode(database.triggers(records)),
        "/etc/apk/world": encode(database.world(world)),
        "/etc/apk/arch": encode(f"{architecture}\n"),
        **{f"/etc/apk/keys/{name}": pem for name, pem in keys.items()},
    }
    return with_missing(tree, dict(_entries(files, Origin(label, "made by", "apk, as its record of what it installs"))))


def _entries(files: Mapping[str, bytes], origin: Origin) -> Iterator[tuple[TreePath, Entry]]:
    for path, content in files.items():
        yield tree_path(path), File(Meta(0o644), Inline(content), (origin,))


def _record(tree: Rootfs, one: Opened, shipped: Sequence[Shipped]) -> Record:
    package = one.planned.package
    return Record(
        package=package,
        shipped=[row for row in shipped if row.is_directory or _is_its_own(tree, row.path, one)],
        replaces=" ".join(one.control.fields.get("replaces", ())),
        replaces_priority=one.control.replaces_priority,
        tag=one.planned.tag,
        triggers=one.control.one("triggers"),
        scripts=one.control.scripts,
    )


def _is_its_own(tree: Rootfs, path: str, one: Opened) -> bool:
    entry = tree.find(tree_path(path), follow_last=False)
    return entry is not None and any(origin.detail == one.planned.shown for origin in entry.origins)

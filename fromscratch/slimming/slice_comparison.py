"""A slice against a package's files: what it lists that is not there, and what it leaves beside what it takes."""

from collections.abc import Set

from msgspec import Struct

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.debian.version import parse_relation
from fromscratch.formats.slice import Slice
from fromscratch.model.entry import Directory
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath
from fromscratch.transforms.slicing import matched

_EXPLAINED = 20  # missing entries that are compared with all names of the package


class Comparison(Struct, frozen=True, kw_only=True):
    """A slice against one version.

    `missing` are entries that stand for nothing, the first of them with what comes near; `beside` are files that it
    does not take, in folders that it takes others from. `in_range` is None where versions of this
    manager are not compared. `written_beside` is how many of these files there were when the slice was written.
    """

    package: str
    version: str
    in_range: bool | None
    entries: int
    matched: int
    missing: dict[str, list[str]]
    beside: list[str]
    written_beside: int = 0


def compare(one: Slice, version: str, tree: Rootfs, own: Set[TreePath]) -> Comparison:
    """Compare a slice with the paths of its package in a tree."""
    found = matched(tree, own, one.files)
    files = {path for path in own if not isinstance(tree.get(path), Directory)}
    folders = {paths.parent(path) for path in found.places & files}
    beside = sorted(path for path in files - found.places if paths.parent(path) in folders)
    known = sorted(own)
    return Comparison(
        package=one.package,
        version=version,
        in_range=_in_range(one, version),
        entries=len(one.files),
        matched=len(found.places & files),
        missing={
            entry: nearest(entry, known, count=3) if number < _EXPLAINED else []
            for number, entry in enumerate(found.missing)
        },
        beside=[str(path) for path in beside],
        written_beside=one.not_taken,
    )


def _in_range(one: Slice, version: str) -> bool | None:
    conditions = [part.strip() for part in one.versions.split(",") if part.strip()]
    if one.manager != "dpkg" and conditions:
        return None
    try:
        return all(parse_relation(f"{one.package} ({condition})").admits(version) for condition in conditions)
    except FormatError:
        return None

"""The databases of package managers in a small tree: cut to the packages that remain, where scanners look for them."""

from collections.abc import Sequence

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.model.entry import Directory, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.slimming.packages import PackageRecords
from fromscratch.slimming.retained import SLIM, TRACE

RECORDS = Origin(SLIM, "asked for", "every image: the records of the packages that remain")


def with_records(small: Rootfs, installed: PackageRecords, drop: Sequence[str]) -> Rootfs:
    """The tree with the records of those packages of which it has a file.

    A database that a run used stays whole, and what matches `drop` stays away.
    """
    is_dropped = paths.matcher(drop)
    entries = {}
    for place, entry in installed.cut(small).items():
        present = small.get(place)
        is_used = present is not None and any(each.source == TRACE for each in present.origins)
        if is_used or is_dropped(place) or (present is not None and isinstance(entry, Directory)):
            continue
        entries[place] = replace(entry, origins=(RECORDS,))
    return small.with_entries(entries)

"""A package of the store taken apart, once."""

from pathlib import Path

import msgspec
from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats.alpine import package as apk
from fromscratch.formats.alpine.dependency import Dependency, parse_dependencies
from fromscratch.formats.alpine.listing import Shipped, is_installed, listing
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.storage.store import Store
from fromscratch.limits import Limits
from fromscratch.model.entry import Origin
from fromscratch.paths import TreePath
from fromscratch.sources.alpine.natives import Scripted
from fromscratch.sources.alpine.plan import PlannedPackage
from fromscratch.sources.alpine.tree import Unpacked


class Opened(Struct, frozen=True):
    """A package: its control segment, its tree, and what it ships as apk records it."""

    planned: PlannedPackage
    control: apk.Control
    unpacked: Unpacked
    shipped: list[Shipped]

    @property
    def scripted(self) -> Scripted:
        return Scripted(
            self.planned.package.name, self.planned.shown, self.control.scripts, self.control.one("triggers")
        )


def opened(store: Store, planned: PlannedPackage, origin: Origin, limits: Limits) -> Opened:
    """Take a package apart. Raises FormatError, TooLarge."""
    digest, shown = Digest.parse(planned.digest), planned.package.file
    control = apk.read_control(store.path(digest), planned.package.checksum, shown)

    def expand(blob: Path, target: Path) -> None:
        apk.expand_data(blob, control, target, shown, limits)

    def rows(_blob: Path, target: Path) -> None:
        target.write_bytes(msgspec.msgpack.encode(listing(data, shown)))

    data = store.derived(digest, "apk-data", expand)
    shipped = msgspec.msgpack.decode(store.derived(digest, "apk-listing-1", rows).read_bytes(), type=list[Shipped])
    tree = read_tree(data, origin, title=shown, limits=limits)
    tree = tree.without([path for path in tree if path != "/" and _is_left_out(path)])
    unpacked = Unpacked(planned.package, tree, _replaces(control, shown), control.replaces_priority)
    return Opened(planned, control, unpacked, shipped)


def _replaces(control: apk.Control, shown: str) -> tuple[Dependency, ...]:
    try:
        return parse_dependencies(" ".join(control.fields.get("replaces", ())))
    except FormatError as error:
        raise FormatError(f"{shown}: replaces: {error.message}", error.hint) from error


def _is_left_out(path: TreePath) -> bool:
    return not is_installed(path[1:])

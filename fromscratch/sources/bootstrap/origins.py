"""Why each file of a root is there: the package that the records of its package manager name, or a script."""

from msgspec.structs import replace

from fromscratch.formats.databases.catalogue import records
from fromscratch.model.entry import Entry, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path


def with_origins(tree: Rootfs, label: str, tool: str, requested: dict[str, Origin]) -> Rootfs:
    """The tree with the reasons for its entries; `requested` are the reasons of packages by their names."""
    shipped: dict[TreePath, Origin] = {}
    for one in records(tree).installed:
        because = requested.get(one.package.name, Origin(label, "made by", tool))
        origin = Origin(label, "shipped in", str(one.package), because)
        for spelled in one.files:
            shipped.setdefault(tree.locate(tree_path(spelled)), origin)
    other = Origin(label, "made by", f"{tool}, or a script of a package")

    def reasoned(path: TreePath, entry: Entry) -> Entry:
        found = shipped.get(path, other)
        return replace(entry, origins=(found,))

    return tree.mapped(reasoned)


def requested_packages(label: str, names: list[str], place: str) -> dict[str, Origin]:
    return {name: Origin(label, "asked for", f"{name} in {place}") for name in names}

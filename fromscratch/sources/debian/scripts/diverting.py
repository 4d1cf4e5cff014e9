"""Files that are unpacked under another name, since another package diverts them: dpkg-divert(1)."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.sources.debian.opened import Opened
from fromscratch.sources.debian.scripts.maintainer_scripts import as_package, run
from fromscratch.sources.debian.tree import Unpacked
from fromscratch.transforms.shell.commands.dpkg.diversions import Diversion, Diversions
from fromscratch.transforms.shell.machine import Machine


def diversions(packages: Sequence[Opened], label: str, architecture: str) -> dict[str, Diversion]:
    """What the preinst of each package diverts on a system that is empty yet, by path."""
    known = [as_package(one) for one in packages]
    machine = Machine(ChangingTree(Rootfs()), label=label, architecture=architecture, packages=known)
    for one in packages:
        if "dpkg-divert" in one.text("preinst"):
            run(machine, one, "preinst", ("install",))
    return machine.state(Diversions).by_path


def diverted(one: Unpacked, known: Mapping[str, Diversion]) -> Unpacked:
    """A package whose files have the names that other packages' diversions give them."""
    moved: dict[TreePath, TreePath] = {}
    for path, diversion in known.items():
        place = tree_path(path)
        if place in one.tree and diversion.package != one.name:
            moved[place] = tree_path(diversion.to)
    if not moved:
        return one
    entries = {to: one.tree[place] for place, to in moved.items()}
    return replace(one, tree=one.tree.without([*moved]).with_entries(entries))

"""What the scripts of a plan's packages have made, to be put into the tree of the image."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.opened import Opened
from fromscratch.sources.debian.planning.plan import Plan
from fromscratch.sources.debian.sandboxed.difference import with_changes
from fromscratch.sources.debian.sandboxed.running import Bench, ran
from fromscratch.sources.debian.sandboxed.stages import Stages, stages

_SHOWN = 5
_VERSION = 2
"""Counted up when the same packages are run in another way."""


class ScriptsRun(Struct, frozen=True):
    """`read` are packages whose scripts are read instead: they ran before those of the image, to make a system."""

    read: frozenset[str]
    changed: Rootfs
    removed: Sequence[TreePath]
    installed: frozenset[str]
    made: Origin

    def put_into(self, tree: Rootfs) -> Rootfs:
        return with_changes(tree, self.changed, self.removed, self.installed, self.made)


def scripts_run(
    store: Store,
    context: Context,
    label: str,
    plan: Plan,
    opened: Callable[[], Mapping[str, Opened]],
    base: Callable[[Collection[Opened]], Rootfs],
) -> ScriptsRun:
    """Run them, or find what they have made before. `base` gives the tree of packages that are laid together.

    `opened` are the whole packages of the plan and its tools. Raises CommandFailed, MissingTool.
    """
    planned = {one.name for one in plan.packages if not one.part}
    packages = opened()
    order = stages({name: one.stanza for name, one in packages.items()}, plan.essential, planned)
    everything = planned >= {*order.base}

    def bench() -> Bench:
        return Bench(packages, order, base([packages[name] for name in order.base]), everything)

    found = ran(store, context, label, _key(context, packages, planned), bench)
    run = [*order.base, *_later(order)] if everything else _later(order)
    names = [name for name in run if packages[name].text("postinst") or packages[name].text("preinst")]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    made = Origin(label, "made by", f"the scripts of {', '.join(names[:_SHOWN])}{more}, run in a sandbox")
    return ScriptsRun(
        frozenset() if everything else frozenset(order.base) & planned,
        found.changed(store, made),
        [TreePath(path) for path in found.removed],
        frozenset(packages[name].planned.shown for name in run),
        made,
    )


def _later(order: Stages) -> list[str]:
    return sorted(name for group in order.groups for name in group)


def _key(context: Context, packages: Mapping[str, Opened], planned: Collection[str]) -> str:
    lines = [f"{name} {one.planned.digest} {name in planned}" for name, one in sorted(packages.items())]
    return hashlib.sha256("\n".join([f"{_VERSION} {context.platform}", *lines]).encode()).hexdigest()

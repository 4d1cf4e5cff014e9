"""The last steps of a tree of packages: what their scripts and declarations make, applets, and records."""

from collections.abc import Mapping
from functools import partial

from msgspec import Struct

from fromscratch.formats.installed import Records
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.debian.opened import Opened
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.sandboxed.result import ScriptsRun
from fromscratch.sources.debian.scripts import natives
from fromscratch.sources.debian.scripts.configuring import Configured, configured
from fromscratch.sources.debian.scripts.loader_cache import with_loader_cache
from fromscratch.sources.debian.sliced import cut_record
from fromscratch.transforms.scripted.account_numbers import GivenNumbers
from fromscratch.transforms.scripted.alternatives import with_alternatives
from fromscratch.transforms.scripted.applets import with_applets
from fromscratch.transforms.shell.commands.dpkg.diversions import Diversion
from fromscratch.transforms.shell.left_out import LeftOut


class Laid(Struct, frozen=True):
    """The packages of a plan and their tree; of those in `partial` it has a part.

    `origins` say why each is there; they were unpacked with the `diversions`.
    """

    packages: Mapping[str, Opened]
    partial: frozenset[str]
    tree: Rootfs
    origins: Mapping[str, Origin]
    diversions: Mapping[str, Diversion] = {}


def finished(
    tree: Rootfs,
    laid: Laid,
    below: Records,
    options: DebianOptions,
    label: str,
    architecture: str,
    *,
    numbers: GivenNumbers,
    chiselled: bool,
    run: ScriptsRun | None = None,
) -> Configured:
    """The tree with what whole packages make, and the records of all. What scripts have made that were `run` counts.

    `tree` has the packages over what lies below, with its records. `chiselled` packages say themselves what is made.
    Applets come after scripts: what a script puts in their place counts more.
    """
    found = Configured(tree)
    if not chiselled:
        whole = {name: one for name, one in laid.packages.items() if name not in laid.partial}
        reads = options.scripts != "none"
        made = partial(
            configured,
            origins=laid.origins,
            below=below,
            diversions=laid.diversions,
            label=label,
            architecture=architecture,
            numbers=numbers,
        )
        left_out: tuple[LeftOut, ...] = ()
        if run is not None:
            first = {name: one for name, one in whole.items() if name in run.read}
            before = made(tree, first, scripts=True, declared=False)
            tree, left_out, reads = run.put_into(before.tree), before.left_out, False
        elif not reads:
            scripts = {name: one.files.get("postinst", b"") for name, one in whole.items()}
            tree = with_alternatives(tree, scripts, label, "postinst")
        found = made(tree, whole, scripts=reads) if whole else Configured(tree)
        found = Configured(found.tree, (*left_out, *found.left_out))
        tree = with_applets(found.tree, label) if options.applets else found.tree
        tree = with_loader_cache(tree, label, architecture)
    if options.records:
        tree = natives.with_records(tree, _records(tree, laid), label)
    return Configured(tree, found.left_out)


def _records(tree: Rootfs, laid: Laid) -> dict[str, tuple[bytes, bytes]]:
    return {
        name: (
            one.control.rstrip(b"\n") + b"\n",
            cut_record(one.checksums, tree) if name in laid.partial else one.checksums,
        )
        for name, one in laid.packages.items()
    }

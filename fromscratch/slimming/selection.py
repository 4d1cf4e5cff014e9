"""Which files of an image are kept: those that runs used, that these link to, and that belong to them."""

from collections.abc import Iterator, Sequence, Set
from functools import partial

from msgspec import Struct

from fromscratch import paths
from fromscratch.formats.elf.headers import Elf
from fromscratch.formats.elf.platform import platform_of
from fromscratch.formats.trace.events import Trace
from fromscratch.linker.beyond import dlopen
from fromscratch.linker.beyond.contract import Finder, Finding, NeededFile, Scene
from fromscratch.linker.beyond.glibc import nss, static
from fromscratch.linker.beyond.scripts import finder as scripts
from fromscratch.linker.closure import Linker
from fromscratch.linker.gather import gather
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.entry import Origin
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.slimming.configured import add_configured, add_mount_points, search_path
from fromscratch.slimming.families import java, languages, python, system
from fromscratch.slimming.links import add_links
from fromscratch.slimming.options import SlimOptions
from fromscratch.slimming.package_records import with_records
from fromscratch.slimming.packages import Origins, PackageRecords, packages
from fromscratch.slimming.requested import add_packages, add_requested
from fromscratch.slimming.retained import SLIM, TRACE, Retained
from fromscratch.slimming.used import Use, add_used


class Selection(Struct, frozen=True, kw_only=True):
    """`tree` has what is kept, each entry with its reasons; `use` is how the trace fits the image.

    `dropped` are paths that would have been kept, but that the options drop. `packages` are those of the whole tree.
    """

    tree: Rootfs
    use: Use
    dropped: tuple[TreePath, ...]
    packages: PackageRecords


def select(
    tree: Rootfs,
    trace: Trace,
    config: RunConfig,
    platform: Platform,
    options: SlimOptions,
    origins: Origins | None = None,
) -> Selection:
    """What is kept of the tree of an image; `origins` are reasons for its entries that it does not hold itself.

    Raises NotInTree for a glob of `keep` that matches nothing in it, and for a package that it does not have.
    """
    retained = Retained(tree)
    use = add_used(retained, trace, options.exclude)
    add_configured(retained, config)
    add_mount_points(retained)
    add_requested(retained, options.keep)
    installed = packages(tree, origins)
    add_packages(retained, installed, options.keep_packages)
    _add_closure(retained, config, platform, use.read)
    add_links(retained)
    dropped = _drop(retained, options.drop)
    small = retained.rootfs()
    if options.package_records:
        small = with_records(small, installed, options.drop)
    return Selection(tree=small, use=use, dropped=dropped, packages=installed)


def _add_closure(retained: Retained, config: RunConfig, platform: Platform, read: frozenset[TreePath]) -> None:
    """Keep what the files that are kept link to, are run by, and belong with, until nothing new is found."""
    used = frozenset(retained)
    unstarted = {place for place in read if all(origin.source == TRACE for origin in retained.origins(place))}
    requested: dict[str, Origin] = {place: retained.origins(place)[0] for place in retained.files()}
    library_path = [folder for folder in config.env.get("LD_LIBRARY_PATH", "").split(":") if folder]
    linker = Linker([TreeRoot(retained.tree)], library_path=library_path)
    result = gather(linker, requested, list(_finders(used, config, unstarted)), SLIM, partial(_is_for, platform))
    for place, entry in result.entries.items():
        if result.root_numbers[place] == 0:
            retained.add(place, entry.origins)


def _is_for(platform: Platform, elf: Elf) -> bool:
    of_file = platform_of(elf)
    return of_file is None or of_file.architecture == platform.architecture


def _interpreters(scene: Scene, *, path: Sequence[str], unstarted: Set[TreePath]) -> Iterator[Finding]:
    """What runs scripts, but for those that were only read, such as a template that is copied."""
    for finding in scripts.find(scene, path=path):
        if not isinstance(finding, NeededFile) or finding.by not in unstarted:
            yield finding


def _finders(used: frozenset[TreePath], config: RunConfig, unstarted: Set[TreePath]) -> Iterator[Finder]:
    """What is looked for besides linked libraries: by what a file says itself, and by what its family needs."""
    yield java.find
    yield partial(_interpreters, path=search_path(config), unstarted=unstarted)
    yield dlopen.find
    yield partial(nss.find, configuration="tree")
    yield static.find
    yield system.loader
    yield system.locales
    yield system.gconv
    yield partial(system.certificates, used=used)
    yield python.find
    yield languages.perl
    yield languages.ruby
    yield languages.node
    yield languages.php


def _drop(retained: Retained, globs: Sequence[str]) -> tuple[TreePath, ...]:
    matches = paths.matcher(globs)
    dropped = tuple(place for place in retained if matches(place))
    for place in dropped:
        retained.remove(place)
    return dropped

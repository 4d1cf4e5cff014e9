"""What the options of a slimming keep whatever was used: globs of paths, and packages by name."""

from collections.abc import Sequence

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.formats.installed import Package
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath
from fromscratch.slimming.options import SlimOptions
from fromscratch.slimming.packages import PackageRecords, packages
from fromscratch.slimming.retained import SLIM, Retained


def check_requested(tree: Rootfs, options: SlimOptions) -> None:
    """Raises NotInTree for a glob of `keep` or a package that the tree has not, and UnsafePath for a glob with `..`."""
    paths.matcher((*options.drop, *options.exclude))
    for glob in options.keep:
        _matching(tree, glob)
    if options.keep_packages:
        installed = packages(tree)
        for name in options.keep_packages:
            _with_name(installed, name)


def add_requested(retained: Retained, globs: Sequence[str]) -> None:
    for glob in globs:
        origin = Origin(SLIM, "asked for", f"kept by {glob}")
        for path in _matching(retained.tree, glob):
            retained.follow(path, origin)


def add_packages(retained: Retained, installed: PackageRecords, names: Sequence[str]) -> None:
    for name in names:
        for package in _with_name(installed, name):
            for place in installed.files(package):
                retained.follow(place, Origin(SLIM, "asked for", f"the whole package {package}"))


def _matching(tree: Rootfs, glob: str) -> Sequence[str]:
    """The places that match, or the glob itself if it is a path that symlinks lead through."""
    matches = paths.matcher([glob])
    found = [place for place in tree if matches(place)]
    if found or tree.find(glob) is not None:
        return found or [glob]
    last = paths.name(TreePath(glob))
    near = [place for place in tree if last and paths.name(place) == last] or nearest(glob, tree, cutoff=0.75)
    hint = f"did you mean {near[0]}?" if near else "ls shows what is there"
    raise NotInTree(f"there is nothing in the image that {glob} matches", hint)


def _with_name(installed: PackageRecords, name: str) -> list[Package]:
    found = [package for package in installed.packages if package.name == name]
    if not found:
        known = {package.name for package in installed.packages}
        near = nearest(name, known)
        hint = f"did you mean {near[0]}?" if near else f"the image has {len(known)} packages"
        raise NotInTree(f"no package of the image is called {name}", hint)
    return found

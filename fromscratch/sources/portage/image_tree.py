"""What of a root goes into the image: the packages that are needed at run time, without what is for building."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.formats.databases.contract import bytes_at
from fromscratch.formats.databases.portage import Portage as Database
from fromscratch.formats.gentoo import installed as records
from fromscratch.host.machine.scan import scan
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, matcher
from fromscratch.sources.portage.options import Extra, PortageOptions
from fromscratch.sources.portage.ownership import RECORD, OwnerChange, parse
from fromscratch.sources.portage.plan import Plan, Reason

_DATABASE = "/var/db/pkg"
# What Portage leaves in a root for itself, and for a machine that boots.
_OWN = matcher(
    [
        *("/var/db", "/var/cache", "/var/lib/portage", "/var/lib/gentoo", "/var/log", "/var/tmp", "/tmp", "/etc/env.d"),
        *("/etc/profile.env", "/etc/csh.env", "/etc/environment.d", "/etc/._cfg*", "/etc/.keep*"),
    ]
)
_CUT: dict[Extra, tuple[str, ...]] = {
    "headers": (
        *(
            "/usr/include",
            "/usr/lib*/**/pkgconfig",
            "/usr/lib*/pkgconfig",
            "/usr/share/pkgconfig",
            "/usr/share/aclocal",
        ),
        *("/usr/lib*/cmake", "/usr/share/cmake", "/usr/share/gir-1.0"),
    ),
    "static-libraries": ("/usr/lib*/**/*.a", "/usr/lib*/*.a", "/usr/lib*/**/*.la", "/usr/lib*/*.la", "/lib*/*.a"),
    "docs": ("/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/gtk-doc", "/usr/share/help"),
}
_ALWAYS_CUT = ("/usr/lib/debug", "**/.keep", "**/.keep_*")


class Cut(Struct, frozen=True):
    """The tree of an image, and for each path the package that it is from; `left_out` says how much of the root is;
    `owners` are what the packages asked for."""

    tree: Rootfs
    packages: dict[TreePath, str]
    left_out: str
    owners: list[OwnerChange]


def cut(root: Path, runtime: Sequence[Reason], options: PortageOptions) -> Cut:
    """The tree of a root that Portage has filled, as far as it is needed at run time."""
    whole = scan(
        root, Origin("portage", "found in", str(root)), owner=(0, 0), skip=lambda path: path.startswith("/tmp/")
    )
    names = {each.package for each in runtime}
    owners: dict[TreePath, str] = {}
    others: set[TreePath] = set()
    for package, contents in _installed(whole):
        places = (_place(whole, path) for path in contents)
        if package in names:
            owners.update((place, package) for place in places)
        else:
            others.update(places)
    left_out = _left_out(options.keep)
    remaining = {
        path: entry
        for path, entry in whole.items()
        if not left_out(path) and (path in owners or _is_made(path, others, owners))
    }
    remaining |= {path: entry for path, entry in whole.items() if _is_link_into_usr(path, entry)}
    tree = _without_dangling(_without_emptied(Rootfs(_with_parents(remaining, whole)), whole))
    if options.records:
        tree = tree.merged(Rootfs(_with_parents(dict(_records(whole, tree, names)), whole)), directories="keep")
    settled = {path: with_meta(entry, _settled(entry.meta)) for path, entry in tree.items()}
    return Cut(
        tree=Rootfs(settled),
        packages={path: owners[path] for path in tree if path in owners},
        left_out=_left_out_of(whole, tree),
        owners=_owners(whole, names),
    )


def _owners(whole: Rootfs, names: set[str]) -> list[OwnerChange]:
    """In the order in which they were asked for: while the packages were built, then while they were installed."""
    files = [*(f"{_DATABASE}/{name}/{RECORD}" for name in sorted(names)), f"/var/db/{RECORD}"]
    return [change for file in files for change in parse(paths.decode(bytes_at(whole, file) or b""))]


def _left_out_of(whole: Rootfs, tree: Rootfs) -> str:
    """Such as `20 of 500 entries, 2.1 of 9.8 MB of the root are needed at run time`."""
    sizes = [sum(each.content.size for each in one.values() if isinstance(each, File)) / 1e6 for one in (tree, whole)]
    entries = f"{len(tree)} of {len(whole)} entries"
    return f"{entries}, {sizes[0]:.2f} of {sizes[1]:.2f} MB of the root are needed at run time"


def origins(
    cutting: Mapping[str, str], runtime: Sequence[Reason], plan: Plan, label: str, place: str
) -> Callable[[str], Origin]:
    """A function from a path to the reason for what stands there; `cutting` has the package of each path."""
    shown = {each.cpv: each.shown for each in plan.packages}
    because: dict[str, Origin] = {}
    for each in runtime:  # nearest first: who needs a package comes before it
        if each.by:
            detail = f"{shown.get(each.by, each.by)} ({each.field}: {each.relation})"
            because[each.package] = Origin(label, "needed by", detail, because.get(each.by))
        else:
            because[each.package] = Origin(label, "asked for", f"{shown.get(each.package, each.package)} in {place}")
    shipped = {name: Origin(label, "shipped in", shown.get(name, name), reason) for name, reason in because.items()}
    made = Origin(label, "made by", "Portage, when the packages were installed", Origin(label, "asked for", place))

    def origin(path: str) -> Origin:
        return shipped.get(cutting.get(path, ""), made)

    return origin


def _installed(tree: Rootfs) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each package of the database, as CATEGORY/PACKAGE-VERSION, with the paths that it has."""
    if tree.find(_DATABASE) is None:
        return
    for category in tree.children(TreePath(_DATABASE)):
        above = paths.join(TreePath(_DATABASE), category)
        for name in tree.children(above):
            raw = bytes_at(tree, f"{above}/{name}/CONTENTS")
            if raw is not None:
                yield f"{category}/{name}", records.contents(raw)


def _place(tree: Rootfs, path: str) -> TreePath:
    try:
        return tree.locate(TreePath(path))
    except NotInTree:
        return TreePath(path)


def _left_out(keep: Sequence[Extra]) -> Callable[[str], bool]:
    rules = [pattern for name, patterns in _CUT.items() if name not in keep for pattern in patterns]
    matches = matcher([*rules, *_ALWAYS_CUT])
    return lambda path: _OWN(TreePath(path)) or matches(TreePath(path))


def _is_made(path: TreePath, others: set[TreePath], owners: Mapping[TreePath, str]) -> bool:
    """Whether a path that no package has lies where the packages of the image have something."""
    above = paths.parent(path)
    return path not in others and path != ROOT and (above in owners or above == "/etc")


def _is_link_into_usr(path: TreePath, entry: Entry) -> bool:
    """Whether it is one of the symlinks of a merged /usr."""
    return isinstance(entry, Symlink) and (paths.parent(path) == ROOT or path == "/usr/sbin")


def _with_parents(entries: dict[TreePath, Entry], whole: Rootfs) -> dict[TreePath, Entry]:
    """The entries with the folders above them, and with every symlink to a folder that is one of these."""
    above = {each: whole[each] for path in entries for each in paths.ancestors(path)}
    return {**above, **entries}


def _without_emptied(tree: Rootfs, whole: Rootfs) -> Rootfs:
    """The tree without folders of which everything was left out."""
    emptied: set[TreePath] = set()
    for path in sorted(tree, reverse=True):  # what is below a folder comes before it
        if path != ROOT and isinstance(tree[path], Directory) and whole.children(path):
            below = (paths.join(path, name) for name in tree.children(path))
            if all(each in emptied for each in below):
                emptied.add(path)
    return tree.without(emptied) if emptied else tree


def _without_dangling(tree: Rootfs) -> Rootfs:
    """The tree without symlinks that lead to what was left out."""
    lost = [path for path, entry in tree.items() if isinstance(entry, Symlink) and tree.find(path) is None]
    return tree.without(lost) if lost else tree


def _records(whole: Rootfs, tree: Rootfs, names: set[str]) -> Iterator[tuple[TreePath, Entry]]:
    database = Database(whole)
    packages = {each.package for each in database.installed if f"{each.package.name}-{each.package.version}" in names}
    yield from database.cut(packages, lambda path: tree.find(path) is not None).items()


def _settled(meta: Meta) -> Meta:
    """Without the time of the build, so that the same packages give the same bytes."""
    return Meta(meta.mode, meta.uid, meta.gid, 0, meta.xattrs)

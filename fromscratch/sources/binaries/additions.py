"""The files that a `binaries` item names: programs at their own paths or at others, folders, staged install trees."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.advice import Setting, advice
from fromscratch.errors import Conflict, UsageError
from fromscratch.formats.elf.kinds import unloaded_kind
from fromscratch.formats.elf.platform import platform_of
from fromscratch.host.machine import lookup
from fromscratch.host.machine.scan import scan
from fromscratch.host.machine.view import MachineView
from fromscratch.host.storage.own_folders import NONE, OwnFolders
from fromscratch.linker.root import NOT_ELF
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model import view as views
from fromscratch.model.content import same_bytes
from fromscratch.model.entry import Entry, File, Meta, Origin, with_meta
from fromscratch.model.image import Platform
from fromscratch.model.resolution import walk
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.stacked import Beneath, Stacked
from fromscratch.model.view import View
from fromscratch.paths import TreePath, shown, tree_path
from fromscratch.sources.binaries.options import BinariesOptions, split
from fromscratch.transforms.placement import landed, placed

_NOTHING = Rootfs()


class Additions(NamedTuple):
    """`tree` is all that an item names; `programs` are its `paths`, each with the place that it leads to."""

    tree: Rootfs
    programs: dict[TreePath, TreePath]


def additions(
    options: BinariesOptions,
    folder: Path,
    label: str,
    platform: Platform | None = None,
    below: Rootfs = _NOTHING,
    own: OwnFolders = NONE,
) -> Additions:
    """All that is named, owned by root.

    The tree is to be laid over `below`, and everything stands where the symlinks of that lead it.
    Of `paths`, an ELF file for another platform than this is left to the image that it is for.
    Raises UsageError for what is not there or if no file is left, Conflict where two of them disagree.
    """
    tree = landed(_stages_and_files(options, folder, label, own), below)
    upper = Stacked(tree, below)
    paths_: list[TreePath] = []
    # What moves comes after what stays, whose symlinks it may meet on its way.
    for moves in (False, True):
        entries: dict[TreePath, Entry] = {}
        for text in options.paths:
            if (split(text)[1] is not None) == moves:
                found_, path = _program(options.root, folder, text, label, upper)
                its = _platform_in(found_) if platform else None
                if platform is None or its is None or its.architecture == platform.architecture:
                    _together(entries, found_)
                    paths_.append(path)
        tree = landed(_over(tree, entries), below)
    if options.paths and not paths_:
        raise UsageError(
            f"{label}: nothing of it is for {platform}",
            advice(
                "name files for that platform; without ",
                Setting("platforms", in_recipe=True),
                ", the image is for what its files are for",
            ),
        )
    upper = Stacked(tree, below)
    return Additions(tree, {path: walk(upper, path, follow_last=True, must_exist=True) for path in paths_})


def _stages_and_files(options: BinariesOptions, folder: Path, label: str, own: OwnFolders) -> Rootfs:
    """The install trees of `stage` and the files and folders of `add`, later ones over earlier ones."""
    tree = _NOTHING
    for text in options.stage:
        stage = lookup.folder(folder, text, label)
        found = scan(stage, Origin(label, "found in", text), owner=(0, 0), skip=own.skip(stage, _no_path))
        if len(found) == 1:
            raise UsageError(f"{label}: the stage {text} is empty", "install into it first, as DESTDIR or --prefix do")
        tree = tree.merged(found, directories="keep")
    for text in options.add:
        tree = tree.merged(_added(folder, text, label, own), directories="keep")
    return tree


def platforms(options: BinariesOptions, folder: Path, label: str) -> tuple[Platform, ...]:
    """Those that the ELF files among `paths` are for, in their order."""
    found: dict[Platform, None] = {}
    for text in options.paths:
        entries, _ = _program(options.root, folder, text, label, _NOTHING)
        platform = _platform_in(entries)
        if platform is not None:
            found[platform] = None
    return tuple(found)


def _no_path(path: TreePath) -> bool:
    return False


def _together(entries: dict[TreePath, Entry], more: dict[TreePath, Entry]) -> None:
    """Put more of them in. Raises Conflict for two that are to stand at one place and are not alike."""
    for path, entry in more.items():
        present = entries.get(path)
        if present is not None:
            entry = _over(Rootfs({path: present}), {path: entry})[path]
        entries[path] = entry


def _over(tree: Rootfs, entries: dict[TreePath, Entry]) -> Rootfs:
    """The tree with these entries. Raises Conflict, in the words that they were asked for by."""
    try:
        return tree.merged(Rootfs(entries), directories="keep") if entries else tree
    except Conflict:
        for path, entry in entries.items():
            present = tree.find(path, follow_last=False)
            if isinstance(present, File) and isinstance(entry, File) and not same_bytes(present.content, entry.content):
                both = " and ".join(each.origins[0].detail for each in (present, entry))
                raise Conflict(
                    f"{both} cannot both be {path}", "give one of them another place, as FILE:/DEST"
                ) from None
        raise


def _program(root: str, folder: Path, text: str, label: str, upper: View) -> tuple[dict[TreePath, Entry], TreePath]:
    """One file of `paths`, with the symlinks on its way, as they can be laid under `upper`."""
    name, destination = split(text)
    origin = Origin(label, "asked for", text)
    machine, path = _lookup(root, folder, name, label)
    view = Beneath(machine, upper) if destination is None else machine
    *links, end = views.symlinks_and_place(view, path)
    entry = view.get(end)
    if not isinstance(entry, File):
        raise UsageError(
            f"{label}: {name} is not a regular file", advice("folders go under ", Setting("add", in_recipe=True))
        )
    _check(view, end, f"{label}: {shown(name)}")
    program = replace(with_meta(entry, _public(entry.meta)), origins=(origin,))
    if destination is not None:
        place = tree_path(destination if not destination.endswith("/") else f"{destination}{paths.name(path)}")
        return {place: program}, place
    way = Origin(label, "link to", end, origin)
    own = [link for link in links if view.get(link) is not upper.get(link)]  # the others are on the way already
    return {**{link: _linked(view, link, way) for link in own}, end: program}, tree_path(path)


def _check(view: View, place: TreePath, what: str) -> None:
    """Raises UsageError for an ELF file that nothing could load: programs, libraries and scripts are named here."""
    opened = TreeRoot(view).file(place)
    if opened is None or (opened.elf is None and opened.fault == NOT_ELF):
        return
    with TreeRoot(view).reading(place) as read:
        kind = unloaded_kind(read)
    if kind:
        hint = advice("what is not a program goes under ", Setting("add", in_recipe=True))
        raise UsageError(f"{what} is {kind}", hint)
    if opened.elf is None:
        raise UsageError(f"{what}: {opened.fault}", "name a file that is whole")


def _platform_in(entries: dict[TreePath, Entry]) -> Platform | None:
    """What the ELF file among these entries is for; None if there is none."""
    tree_root = TreeRoot(Rootfs(entries))
    opened = (tree_root.file(path) for path, entry in entries.items() if isinstance(entry, File))
    return next((platform_of(each.elf) for each in opened if each and each.elf), None)


def _lookup(root: str, folder: Path, name: str, label: str) -> tuple[MachineView, TreePath]:
    """Where a name lies: an absolute one in the sysroot first, else on the machine."""
    if root != "/" and name.startswith("/"):
        view = MachineView(lookup.folder(folder, root, label))
        if ".." not in name.split("/") and views.place(view, name) is not None:
            return view, tree_path(name)
    path = lookup.file(folder, name, label)
    if ".." in path.parts:
        path = path.parent.resolve() / path.name
    return MachineView(), tree_path(str(path))


def _linked(view: View, place: TreePath, origin: Origin) -> Entry:
    entry = view.get(place)
    assert entry is not None  # noqa: S101  it was on the way a moment ago
    return replace(with_meta(entry, Meta(0o777)), origins=(origin,))


def _added(folder: Path, text: str, label: str, own: OwnFolders) -> Rootfs:
    """A file or a folder of `add`, its modes as they are."""
    name, destination = split(text)
    origin = Origin(label, "asked for", text)
    where = folder.absolute() / lookup.expanded(name)
    if where.is_dir():
        into = tree_path(destination) if destination is not None else tree_path(str(where.resolve()))
        return placed(scan(where, origin, owner=(0, 0), skip=own.skip(where, _no_path)), into)
    view = MachineView()
    place = tree_path(str(lookup.file(folder, name, label).resolve()))
    entry = view.get(place)
    assert isinstance(entry, File)  # noqa: S101  named.file has seen it
    into = tree_path(destination) if destination is not None else place
    if destination is not None and destination.endswith("/"):
        into = paths.join(into, Path(name).name)
    return Rootfs({into: replace(with_meta(entry, replace(entry.meta, uid=0, gid=0)), origins=(origin,))})


def regular_files(tree: Rootfs) -> Iterator[TreePath]:
    """The places of all regular files."""
    return (path for path, entry in tree.items() if isinstance(entry, File))


def _public(meta: Meta) -> Meta:
    """A program or script that anyone may use, whatever the umask was; special bits and attributes stay."""
    return replace(meta, uid=0, gid=0, mode=(meta.mode & 0o7000) | (0o755 if meta.mode & 0o111 else 0o644))

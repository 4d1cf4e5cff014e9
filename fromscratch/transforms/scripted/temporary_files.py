"""What systemd-tmpfiles(8) would make when a system starts, made beforehand: folders, links, files, modes, owners."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, NotInTree
from fromscratch.formats.glibc.passwd import groups, users
from fromscratch.formats.tmpfiles import Line, Parsed, parse
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, Fifo, File, HardLink, Meta, Origin, Symlink, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, encode, is_within, tree_path
from fromscratch.transforms.scripted.missing import bytes_of
from fromscratch.transforms.scripted.system_accounts import configuration_files

FOLDERS = tuple(
    map(TreePath, ("/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"))
)
_NOT_BELOW = tuple(map(TreePath, ("/dev", "/proc", "/sys", "/tmp", "/var/tmp", "/home", "/root")))
_FACTORY = "/usr/share/factory"
_PATTERN = "*?["
_MOST_MATCHES = 10000


def declared(tree: Rootfs, only: Iterable[TreePath] | None = None) -> Parsed:
    """The lines of the tree's tmpfiles.d files; of `only` these, if given."""
    lines: list[Line] = []
    faults: list[str] = []
    among = None if only is None else set(only)
    for path in configuration_files(tree, FOLDERS):
        if among is not None and path not in among:
            continue
        found = parse(decode(bytes_of(tree, path)))
        lines += found.lines
        faults += [f"{path}: {fault}" for fault in found.faults]
    return Parsed(tuple(lines), tuple(faults))


def with_temporary_files(tree: Rootfs, lines: Iterable[Line], origin: Origin) -> Rootfs:
    """The tree with what these lines create and change, as `make_temporary_files` does."""
    found = [*lines]
    if not found:
        return tree
    changing = ChangingTree(tree)
    make_temporary_files(changing, found, origin)
    return changing.finished()


class Unowned(Struct, frozen=True):
    """A line that was passed over, as systemd-tmpfiles does, for an account that the tree does not have."""

    line: Line
    account: str


def make_temporary_files(tree: ChangingTree, lines: Iterable[Line], origin: Origin) -> list[Unowned]:
    """Make what these lines create where nothing stands, and give what is there its mode and owner.

    Nothing is made where only a running machine has files, and nothing outside the root. Gives back the lines for
    accounts that the tree does not have.
    """
    uids = {"root": 0} | {name: account.uid for name, account in users(tree.find("/etc/passwd")).items()}
    gids = {"root": 0} | groups(tree.find("/etc/group"))
    unowned = []
    for line in lines:
        if ".." in line.path.split("/"):
            continue
        path = tree_path(line.path)
        if any(is_within(path, top) for top in _NOT_BELOW):
            continue
        uid, gid = _number(uids, line.user), _number(gids, line.group)
        if uid is None or gid is None:
            unowned.append(Unowned(line, line.user if uid is None else line.group))
            continue
        try:
            _follow(tree, line, path, Meta(0, uid, gid), origin)
        except (Conflict, NotInTree):  # something else stands among the parents
            continue
    return unowned


def _number(accounts: Mapping[str, int], name: str) -> int | None:
    return int(name) if name.isdigit() and len(name) < 11 else accounts.get(name or "root")


def _follow(tree: ChangingTree, line: Line, path: TreePath, owner: Meta, origin: Origin) -> None:
    if line.kind in "zZw":
        for place in _matching(tree, path, follow_last=line.kind == "w"):
            if line.kind == "w":
                _write(tree, line, place)
                continue
            for each in tree.within(place) if line.kind == "Z" else (place,):
                _change(tree, line, each, owner)
        return
    present = tree.find(path, follow_last=line.kind == "d")
    if present is None or (line.replaces and line.kind in "fL" and not isinstance(present, Directory)):
        _make(tree, line, path, owner, origin)
    elif line.kind == "C" and line.replaces and isinstance(present, Directory):
        _copy(tree, line, path, owner, origin)
    elif line.kind != "L":
        _change(tree, line, tree.resolve(path), owner)


def _make(tree: ChangingTree, line: Line, path: TreePath, owner: Meta, origin: Origin) -> None:
    match line.kind:
        case "d":
            tree.put(path, Directory(replace(owner, mode=_mode(line, 0o755)), (origin,)))
        case "f":
            meta = replace(owner, mode=_mode(line, 0o644))
            tree.put(path, File(meta, Inline(encode(line.argument)), (origin,)))
        case "p":
            tree.put(path, Fifo(replace(owner, mode=_mode(line, 0o644)), (origin,)))
        case "L":
            tree.put(path, Symlink(Meta(0o777), line.argument or f"{_FACTORY}{path}", (origin,)))
        case "C":
            _copy(tree, line, path, owner, origin)


def _mode(line: Line, default: int) -> int:
    return default if line.mode is None else line.mode


def _copy(tree: ChangingTree, line: Line, path: TreePath, owner: Meta, origin: Origin) -> None:
    """Copy a file, or a folder with all that is below it, to where nothing stands."""
    try:
        source = tree.resolve(line.argument or f"{_FACTORY}{path}")
    except NotInTree:
        return
    if is_within(path, source):
        return
    for place in [*tree.within(source)]:
        entry = tree.find(place, follow_last=False)
        target = TreePath(path + place[len(source) :])
        if entry is None or isinstance(entry, HardLink) or tree.find(target, follow_last=False) is not None:
            continue
        meta = entry.meta
        if place == source:
            meta = replace(meta, mode=_mode(line, meta.mode), uid=owner.uid, gid=owner.gid)
        tree.put(target, with_meta(replace(entry, origins=(origin, *entry.origins)), meta))


def _change(tree: ChangingTree, line: Line, place: TreePath, owner: Meta) -> None:
    """Give what is there the mode and owner that the line names."""
    entry = tree.find(place, follow_last=False)
    if entry is None or isinstance(entry, Symlink):
        return
    meta = entry.meta
    if line.mode is not None and "m" not in line.when_new:
        meta = replace(meta, mode=_masked(line.mode, entry) if line.masked else line.mode)
    if line.user and "u" not in line.when_new:
        meta = replace(meta, uid=owner.uid)
    if line.group and "g" not in line.when_new:
        meta = replace(meta, gid=owner.gid)
    if meta != entry.meta:
        tree.change_meta(place, meta)


def _masked(mode: int, entry: Entry) -> int:
    """A mode without the kinds of permission that nobody has yet."""
    for kind in (0o111, 0o222, 0o444):
        if not entry.meta.mode & kind:
            mode &= ~kind
    return mode if isinstance(entry, Directory) else mode & 0o777


def _write(tree: ChangingTree, line: Line, place: TreePath) -> None:
    entry = tree.find(place)
    if isinstance(entry, File) and not line.replaces:
        tree.put(place, replace(entry, content=Inline(encode(line.argument))))


def _matching(tree: ChangingTree, path: TreePath, *, follow_last: bool) -> list[TreePath]:
    """The places that a path leads to; in each part it may be a pattern."""
    found = [paths.ROOT]
    parts = path.split("/")[1:]
    for depth, part in enumerate(parts, 1):
        follow = follow_last or depth < len(parts)
        found = [*_children_by_name(tree, found, part, follow_last=follow)][:_MOST_MATCHES]
    return found


def _children_by_name(
    tree: ChangingTree, folders: Iterable[TreePath], part: str, *, follow_last: bool
) -> Iterator[TreePath]:
    for folder in folders:
        names = [part]
        if any(mark in part for mark in _PATTERN):
            hidden = part.startswith(".")
            names = [
                name
                for name in tree.children(folder)
                if fnmatchcase(name, part) and (hidden or not name.startswith("."))
            ]
        for name in names:
            try:
                yield tree.resolve(paths.join(folder, name), follow_last=follow_last)
            except NotInTree:
                continue

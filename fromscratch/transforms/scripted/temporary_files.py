"""What systemd-tmpfiles(8) would make when a system starts, made beforehand: folders, links and files."""

from collections.abc import Iterable, Mapping

from fromscratch.formats.glibc.passwd import records
from fromscratch.formats.tmpfiles import Line, Parsed, parse
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, encode, is_within, tree_path
from fromscratch.transforms.scripted.missing import bytes_of, with_missing
from fromscratch.transforms.scripted.system_accounts import configuration_files

_FOLDERS = tuple(
    map(TreePath, ("/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"))
)
_NOT_BELOW = tuple(map(TreePath, ("/dev", "/proc", "/sys", "/tmp", "/var/tmp", "/home", "/root")))
_FACTORY = "/usr/share/factory"


def declared(tree: Rootfs, only: Iterable[TreePath] | None = None) -> Parsed:
    """The lines of the tree's tmpfiles.d files; of `only` these, if given."""
    lines: list[Line] = []
    faults: list[str] = []
    among = None if only is None else set(only)
    for path in configuration_files(tree, _FOLDERS):
        if among is not None and path not in among:
            continue
        found = parse(decode(bytes_of(tree, path)))
        lines += found.lines
        faults += [f"{path}: {fault}" for fault in found.faults]
    return Parsed(tuple(lines), tuple(faults))


def with_temporary_files(tree: Rootfs, lines: Iterable[Line], origin: Origin) -> Rootfs:
    """The tree with what these lines create where nothing stands, owned by accounts that the tree has.

    A line for an unknown account is passed over, as systemd-tmpfiles does.
    """
    users = {"root": 0} | {fields[0]: int(fields[2]) for fields in records(tree, "/etc/passwd", 7)}
    groups = {"root": 0} | {fields[0]: int(fields[2]) for fields in records(tree, "/etc/group", 4)}
    for line in lines:
        path = tree_path(line.path) if ".." not in line.path.split("/") else None
        if path is None or any(is_within(path, top) for top in _NOT_BELOW):
            continue
        uid, gid = _number(users, line.user), _number(groups, line.group)
        if uid is None or gid is None:
            continue
        made = _entry(tree, line, path, uid, gid, origin)
        if made is not None:
            tree = with_missing(tree, {path: made})
    return tree


def _number(accounts: Mapping[str, int], name: str) -> int | None:
    return int(name) if name.isdigit() and len(name) < 11 else accounts.get(name or "root")


def _entry(tree: Rootfs, line: Line, path: TreePath, uid: int, gid: int, origin: Origin) -> Entry | None:
    match line.kind:
        case "d":
            return Directory(Meta(0o755 if line.mode is None else line.mode, uid, gid), (origin,))
        case "f":
            meta = Meta(0o644 if line.mode is None else line.mode, uid, gid)
            return File(meta, Inline(encode(line.argument)), (origin,))
        case "L":
            return Symlink(Meta(0o777), line.argument or f"{_FACTORY}{path}", (origin,))
    copied = tree.find(line.argument or f"{_FACTORY}{path}")
    if not isinstance(copied, File):
        return None
    return File(Meta(copied.meta.mode if line.mode is None else line.mode, uid, gid), copied.content, (origin,))

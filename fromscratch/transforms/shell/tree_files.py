"""Files of the tree as commands and redirections read, write and make them."""

from collections.abc import Callable

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, ImageError, NotInTree
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, Entry, File, HardLink, Meta, Origin, also_from, kind_of, with_meta
from fromscratch.paths import ROOT, TreePath
from fromscratch.transforms.shell.machine import Machine, NotUnderstood
from fromscratch.transforms.shell.streams import UnknownFiles

MOST_READ = 16 << 20
"""The bytes of the largest file that is read: files of scripts are small."""
_SETGID = 0o2000
_DISCARDING = frozenset({"/dev/null", "/dev/stderr", "/dev/tty", "/dev/console", "/dev/fd/2"})
_RUNNING = ("/proc/", "/sys/", "/dev/")


def read_file(machine: Machine, path: str) -> bytes:
    """The bytes of the file that an absolute path leads to.

    Raises ImageError when it is not a file, NotUnderstood for what only a running machine has.
    """
    if path == "/dev/null":
        return b""
    check_place(path)
    check_known(machine, path)
    entry = machine.tree.find(path)
    if entry is None:
        raise NotInTree(f"{path} is not in the tree")
    if not isinstance(entry, File):
        raise Conflict(f"{path} is a {kind_of(entry)}")
    if entry.content.size > MOST_READ:
        raise NotUnderstood(f"{path} has more than {MOST_READ >> 20} MiB")
    return read(entry.content)


def regular_file(machine: Machine, path: str, most: int) -> File:
    """The file that a command reads itself. Raises NotUnderstood for none, or one of more than `most` bytes."""
    entry = machine.tree.find(path)
    if not isinstance(entry, File) or entry.content.size > most:
        raise NotUnderstood(f"{path} is not a file that can be read")
    return entry


def write_file(machine: Machine, path: str, data: bytes, *, umask: int, append: bool = False, what: str = "") -> None:
    """Write a file as `>` or, to append, `>>` does: one that is there keeps its owner, mode and names.

    `what` is the command, for the origin. Raises ImageError for a folder, or where the parent is missing.
    """
    if path in _DISCARDING:
        return
    check_place(path)
    tree = machine.tree
    place = tree.place(path)
    entry = tree.find(place)
    if entry is not None and not isinstance(entry, File):
        raise Conflict(f"{path} is a {kind_of(entry)}")
    before = read_file(machine, place) if append and entry is not None else b""
    if append:
        check_known(machine, place)
    else:
        machine.state(UnknownFiles).doubts.pop(place, None)
    if len(before) + len(data) > MOST_READ:
        raise NotUnderstood(f"{path} would have more than {MOST_READ >> 20} MiB")
    origin = machine.origin(what)
    if entry is None:
        tree.put(place, File(new_meta(machine, place, 0o666 & ~umask), Inline(before + data), (origin,)))
    else:
        written = replace(entry, content=Inline(before + data), meta=replace(entry.meta, mtime=0))
        tree.change(place, with_origin(written, origin))


def check_place(path: str) -> None:
    """Raises NotUnderstood for what the kernel of a running machine shows at a path, or a device of it."""
    if path.startswith(_RUNNING):
        raise NotUnderstood(f"{path} is of a running machine")


def check_known(machine: Machine, path: str) -> None:
    """Raises NotUnderstood for a file whose content nobody knows: a command that was left out would have written it."""
    try:
        place = machine.tree.place(path)
    except ImageError:
        return
    if doubt := machine.state(UnknownFiles).doubts.get(place):
        raise NotUnderstood(doubt.why)


def new_meta(machine: Machine, place: TreePath, mode: int, *, directory: bool = False) -> Meta:
    """What a new entry gets at a place: the group, and as a directory the bit too, of a setgid parent."""
    parent = machine.tree.find(paths.parent(place))
    if parent is None or not parent.meta.mode & _SETGID:
        return Meta(mode)
    return Meta(mode | _SETGID if directory else mode, 0, parent.meta.gid)


def with_origin(entry: Entry, origin: Origin) -> Entry:
    """The same entry with one more reason."""
    return also_from(entry, replace(entry, origins=(origin,)))


def change_meta(machine: Machine, place: TreePath, change: Callable[[Entry], Meta], what: str = "") -> None:
    """Give what stands at a place other metadata, and say which command has done so, if it is other indeed."""
    tree = machine.tree
    entry = tree.find(place, follow_last=False)
    if entry is None:
        raise NotInTree(f"{place} is not in the tree")
    meta = change(entry)
    if meta != entry.meta:
        tree.change(place, with_origin(with_meta(entry, meta), machine.origin(what)))


def exact(machine: Machine, path: str) -> tuple[TreePath, Entry | None]:
    """Where a path leads when its last part is not followed, with what stands there; see `ChangingTree.place`.

    A path with a slash at its end is followed to a directory, as Linux does.
    """
    place = machine.tree.place(path, follow_last=False)
    return place, machine.tree.find(place, follow_last=False)


def inode_place(machine: Machine, place: TreePath) -> TreePath:
    """The first name of the file at a place: equal for all names of one file."""
    entry = machine.tree.at(place)
    return entry.target if isinstance(entry, HardLink) else place


def is_directory(machine: Machine, path: str) -> bool:
    """Whether a path leads to a directory, through links."""
    return isinstance(machine.tree.find(path), Directory)


def make_folders(machine: Machine, path: str, mode: int, what: str = "") -> None:
    """Make the directories of a path that are missing. Raises ImageError for something else in the way."""
    missing: list[str] = []
    above = path
    while machine.tree.find(above, follow_last=False) is None:
        missing.append(above)
        above = above.rstrip("/").rpartition("/")[0] or ROOT
    for each in reversed(missing):
        place = machine.tree.place(each, follow_last=False)
        if machine.tree.find(place) is None:
            meta = new_meta(machine, place, mode, directory=True)
            machine.tree.put(place, Directory(meta, (machine.origin(what),)))
    if not is_directory(machine, path):
        raise Conflict(f"{path} is not a directory")

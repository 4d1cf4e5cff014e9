"""The tests of files that test(1) has, on a tree. Root asks: it may read and write everything."""

from fromscratch.errors import ImageError
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, Symlink
from fromscratch.transforms.shell.machine import Machine, NotUnderstood
from fromscratch.transforms.shell.to_come import is_made_at_start
from fromscratch.transforms.shell.tree_files import inode_place

UNARY = frozenset("bcdefgGhkLNOprsSuwxt")
"""The letters of the tests of one file."""
BINARY = frozenset({"-nt", "-ot", "-ef"})
"""The tests of two files."""
_EVERYWHERE = frozenset({"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"})
_SPECIAL_BITS = {"u": 0o4000, "g": 0o2000, "k": 0o1000}
_EXECUTES = 0o111


def file_test(machine: Machine, letter: str, path: str) -> bool:
    """Whether `test -LETTER path` holds, for an absolute path. Raises NotUnderstood."""
    if path in _EVERYWHERE:
        return letter in "cerwGO"
    entry = machine.tree.find(path, follow_last=letter not in "hL")
    if letter != "t" and entry is None and is_made_at_start(machine, path):
        return letter in "efrsw"
    if letter == "t" or entry is None:
        return False
    match letter:
        case "e" | "r" | "w":
            return True
        case "x":
            return isinstance(entry, Directory) or bool(entry.meta.mode & _EXECUTES)
        case "u" | "g" | "k":
            return bool(entry.meta.mode & _SPECIAL_BITS[letter])
        case "O" | "G":
            return not (entry.meta.uid if letter == "O" else entry.meta.gid)
        case "s":
            return isinstance(entry, Directory) or (isinstance(entry, File) and bool(entry.content.size))
        case "N" | "S":
            raise NotUnderstood(f"-{letter} is not known of a tree")
    return _is_kind(entry, letter)


def _is_kind(entry: Entry, letter: str) -> bool:
    match letter:
        case "d":
            return isinstance(entry, Directory)
        case "f":
            return isinstance(entry, File)
        case "h" | "L":
            return isinstance(entry, Symlink)
        case "p":
            return isinstance(entry, Fifo)
        case "b" | "c":
            return isinstance(entry, Device) and entry.kind == letter
    raise NotUnderstood(f"the test -{letter} is not known")


def compare_files(machine: Machine, operator: str, one: str, other: str) -> bool:
    """Whether `test one -nt other`, `-ot` or `-ef` holds, for absolute paths.

    Raises NotUnderstood for two files that the build has made: neither has a time.
    """
    if operator == "-ef":
        try:
            first, second = (inode_place(machine, machine.tree.resolve(path)) for path in (one, other))
        except ImageError:
            return False
        return first == second
    if operator == "-ot":
        one, other = other, one
    newer, older = machine.tree.find(one), machine.tree.find(other)
    if newer is None or older is None:
        return newer is not None
    return is_newer(newer, older)


def is_newer(one: Entry, other: Entry) -> bool:
    """Whether one file is newer; what scripts make has no time, and is newer than what packages bring."""
    if not one.meta.mtime and not other.meta.mtime:
        raise NotUnderstood("both files were made by the build, and have no time")
    return one.meta.mtime > other.meta.mtime if one.meta.mtime and other.meta.mtime else not one.meta.mtime

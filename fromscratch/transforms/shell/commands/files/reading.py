"""cat, tee, and what only tells of files: stat, cmp."""

from collections.abc import Callable
from functools import partial

from fromscratch.errors import Conflict, ImageError, NotInTree
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Symlink, kind_of
from fromscratch.paths import TreePath, encode
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import parse_options
from fromscratch.transforms.shell.owner_names import group_name, user_name
from fromscratch.transforms.shell.tree_files import exact, inode_place, read_file, write_file


def read_operand(machine: Machine, call: Call, word: str) -> bytes:
    """The bytes of a file that an operand names, where `-` is the standard input. Raises as `read_file` does."""
    if word in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        return call.read()
    if not word:
        raise NotInTree("an empty path")
    path = call.path(word)
    if path != "/" and path.endswith("/"):
        raise Conflict(f"{word} is not a file")
    return read_file(machine, path)


def read_operands(machine: Machine, call: Call, words: tuple[str, ...]) -> tuple[int, list[bytes]]:
    """The bytes of every file that can be read, or of the standard input, and the status 1 if there are others.

    Raises as `read_file` does when none can be read.
    """
    failure: ImageError | None = None
    found = []
    for word in words or ("-",):
        try:
            found.append(read_operand(machine, call, word))
        except ImageError as error:
            failure = failure or error
    if failure is not None and not found:
        raise failure
    return 1 if failure else 0, found


def cat(machine: Machine, call: Call) -> Result:
    """cat(1)."""
    options = parse_options(call.arguments, "us", "squeeze-blank=s")
    status, found = read_operands(machine, call, options.operands)
    text = b"".join(found)
    while options.has("s") and b"\n\n\n" in text:
        text = text.replace(b"\n\n\n", b"\n\n")
    return Result(status, text)


def tee(machine: Machine, call: Call) -> Result:
    """tee(1)."""
    options = parse_options(call.arguments, "aip", "append=a ignore-interrupts=i output-error::=p")
    data, status = call.read(), 0
    for word in options.operands:
        try:
            write_file(machine, call.path(word), data, umask=call.umask, append=options.has("a"), what="tee")
        except ImageError:
            status = 1
    return Result(status, data)


def stat(machine: Machine, call: Call) -> Result:
    """stat(1) with a format of what a tree knows."""
    options = parse_options(call.arguments, "Lc:", "dereference=L format=c printf:")
    template = options.value("c", "printf")
    if template is None:
        raise NotUnderstood("it shows what a tree does not know")
    status, found = 0, []
    for word in options.operands:
        try:
            place, entry = _looked_at(machine, call.path(word), follow=options.has("L"))
        except ImageError:
            status = 1
            continue
        found.append(_formatted(template, partial(_fact, machine, word, place, entry)))
    ending = "\n" if options.last("c", "printf") == "c" else ""
    return Result(status if options.operands else 1, encode("".join(each + ending for each in found)))


def _looked_at(machine: Machine, path: str, *, follow: bool) -> tuple[TreePath, Entry]:
    place, entry = exact(machine, path)
    if follow:
        place = machine.tree.resolve(path)
        entry = machine.tree.find(place)
    if entry is None:
        raise NotInTree(f"{path} is not in the tree")
    return place, entry


def _formatted(template: str, fact: Callable[[str], str]) -> str:
    if "\\" in template:
        raise NotUnderstood("the format has escapes")
    pieces = template.split("%")
    text = [pieces[0]]
    position = 1
    while position < len(pieces):
        piece = pieces[position]
        if piece:
            text.append(fact(piece[0]) + piece[1:])
        else:
            position += 1
            text.append("%" + (pieces[position] if position < len(pieces) else ""))
        position += 1
    return "".join(text)


def _fact(machine: Machine, word: str, place: TreePath, entry: Entry, letter: str) -> str:
    meta = entry.meta
    match letter:
        case "n":
            return word
        case "a":
            return f"{meta.mode:o}"
        case "u" | "g":
            return str(meta.uid if letter == "u" else meta.gid)
        case "U":
            return user_name(machine, meta.uid) or "UNKNOWN"
        case "G":
            return group_name(machine, meta.gid) or "UNKNOWN"
        case "A":
            return _KINDS[type(entry)] + _permissions(meta.mode)
        case "s" if isinstance(entry, File | Symlink):
            return str(entry.content.size if isinstance(entry, File) else len(encode(entry.target)))
        case "h" if not isinstance(entry, Directory):
            inode = inode_place(machine, place)
            tree = machine.tree
            links = sum(
                isinstance(each := tree.at(path), HardLink) and each.target == inode for path in tree.within(_TOP)
            )
            return str(1 + links)
        case "F":
            return _words(entry)
    raise NotUnderstood(f"%{letter} is not known of a tree")


_TOP = TreePath("/")
_KINDS: dict[type, str] = {Directory: "d", File: "-", Symlink: "l", Fifo: "p", Device: "c", HardLink: "-"}


def _words(entry: Entry) -> str:
    match entry:
        case File():
            return "regular file" if entry.content.size else "regular empty file"
        case Directory():
            return kind_of(entry)
        case Symlink():
            return "symbolic link"
        case Device():
            return "character special file" if entry.kind == "c" else "block special file"
    return "fifo"


def _permissions(mode: int) -> str:
    letters = ["r" if mode & 0o400 else "-", "w" if mode & 0o200 else "-", _execute(mode, 0o100, 0o4000, "s")]
    letters += ["r" if mode & 0o040 else "-", "w" if mode & 0o020 else "-", _execute(mode, 0o010, 0o2000, "s")]
    letters += ["r" if mode & 0o004 else "-", "w" if mode & 0o002 else "-", _execute(mode, 0o001, 0o1000, "t")]
    return "".join(letters)


def _execute(mode: int, bit: int, special: int, letter: str) -> str:
    if mode & special:
        return letter if mode & bit else letter.upper()
    return "x" if mode & bit else "-"


def cmp(machine: Machine, call: Call) -> Result:
    """cmp(1) and diff(1), as far as they say only whether two files are the same."""
    options = parse_options(call.arguments, "squN", "silent=s quiet=s brief=q unified=u new-file=N")
    if len(options.operands) != 2:
        return Result(2)
    try:
        one, other = (read_operand(machine, call, word) for word in options.operands)
    except ImageError:
        return Result(2)
    if one == other:
        return Result()
    return Result(1, b"" if options.has("s") else None)


COMMANDS = {
    "cat": Command(cat, "content"),
    "cmp": Command(cmp, "content"),
    "diff": Command(cmp, "content"),
    "stat": Command(stat, "content"),
    "tee": Command(tee, "content"),
}

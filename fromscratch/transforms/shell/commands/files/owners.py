"""chown, chgrp and chmod."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from fromscratch.errors import Conflict, NotInTree
from fromscratch.model.entry import Directory, Entry, Meta, Symlink
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.commands.files.targets import for_each
from fromscratch.transforms.shell.file_modes import changed, parse_changes
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.owner_names import group_number, parse_owner
from fromscratch.transforms.shell.to_come import is_made_at_start
from fromscratch.transforms.shell.tree_files import change_meta, check_known, check_place, exact

_LETTERS = "RhfvcHLP"
_NAMES = (
    "recursive=R no-dereference=h dereference silent=f quiet=f verbose=v changes=c reference:"
    " preserve-root no-preserve-root"
)
_SETUID, _SETGID, _GROUP_EXECUTES = 0o4000, 0o2000, 0o010


def chown(machine: Machine, call: Call) -> Result:
    """chown(1)."""
    options = parse_options(call.arguments, _LETTERS, f"{_NAMES} from:")
    required = options.value("from")
    before = parse_owner(machine, required) if required else (None, None)
    return _chown(machine, call, options, lambda text: parse_owner(machine, text), before)


def chgrp(machine: Machine, call: Call) -> Result:
    """chgrp(1)."""
    options = parse_options(call.arguments, _LETTERS, _NAMES)
    return _chown(machine, call, options, lambda text: (None, group_number(machine, text)), (None, None))


_Owner = tuple[int | None, int | None]


def _chown(machine: Machine, call: Call, options: Options, parse: Callable[[str], _Owner], before: _Owner) -> Result:
    words = [*options.operands]
    group_only = call.name == "chgrp"
    if reference := options.value("reference"):
        meta = _found(machine, call.path(reference)).meta
        owner: _Owner = (None if group_only else meta.uid, meta.gid)
    elif len(words) < 2:
        return Result(1)
    else:
        owner = parse(words.pop(0))
    recursive = options.has("R")
    follow = not options.has("h") and not recursive
    links = options.last("H", "L", "P") if recursive else ""
    if links == "L":
        raise NotUnderstood("it follows links")

    def change(word: str) -> None:
        if links == "H":
            word = machine.tree.resolve(call.path(word))
        for place in _places(machine, call, word, recursive=recursive, follow=follow):
            change_meta(machine, place, lambda entry: _owned(entry, owner, before), call.name)

    return for_each(words, change, prints=options.has("v", "c"))


def _owned(entry: Entry, owner: _Owner, before: _Owner) -> Meta:
    meta = entry.meta
    if any(each is not None and each != now for each, now in zip(before, (meta.uid, meta.gid), strict=True)):
        return meta
    uid = meta.uid if owner[0] is None else owner[0]
    gid = meta.gid if owner[1] is None else owner[1]
    return with_owner(entry, uid, gid)


def with_owner(entry: Entry, uid: int, gid: int) -> Meta:
    """The metadata after chown(2), which takes set-ID bits and capabilities from what is not a directory."""
    meta, mode, xattrs = entry.meta, entry.meta.mode, entry.meta.xattrs
    if not isinstance(entry, Directory | Symlink):
        mode &= ~_SETUID
        if mode & _GROUP_EXECUTES:
            mode &= ~_SETGID
        xattrs = tuple(each for each in xattrs if each[0] != "security.capability")
    return replace(meta, uid=uid, gid=gid, mode=mode, xattrs=xattrs)


def chmod(machine: Machine, call: Call) -> Result:
    """chmod(1), of which `-x` is a mode and not an option."""
    mode, arguments = _mode_like_option(call.arguments)
    options = parse_options(arguments, "RfvchHLP", _NAMES)
    words = [*options.operands]
    reference = options.value("reference")
    if reference:
        text = f"{_found(machine, call.path(reference)).meta.mode:05o}"
    elif mode is not None:
        text = mode
    elif words:
        text = words.pop(0)
    else:
        return Result(1)
    if options.has("h", "L", "P"):
        raise NotUnderstood("it says which links to follow")
    changes = parse_changes(text)
    recursive = options.has("R")

    def new(entry: Entry) -> Meta:
        if isinstance(entry, Symlink):
            return entry.meta
        directory = isinstance(entry, Directory)
        return replace(entry.meta, mode=changed(entry.meta.mode, changes, directory=directory, umask=call.umask))

    def change(word: str) -> None:
        for place in _places(machine, call, word, recursive=recursive, follow=True):
            change_meta(machine, place, new, "chmod")

    return for_each(words, change, prints=options.has("v", "c"))


def _mode_like_option(arguments: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    for position, word in enumerate(arguments):
        if word == "--":
            break
        if len(word) > 1 and word[0] == "-" and word[1] in "rwxXstugoa,+=01234567-" and not word.startswith("--"):
            return word, (*arguments[:position], *arguments[position + 1 :])
    return None, arguments


def _found(machine: Machine, path: str) -> Entry:
    entry = machine.tree.find(path)
    if entry is None:
        raise NotInTree(f"{path} is not in the tree")
    return entry


def _places(machine: Machine, call: Call, word: str, *, recursive: bool, follow: bool) -> Iterator[TreePath]:
    path = call.path(word)
    check_place(path)
    check_known(machine, path)
    if not word:
        raise NotInTree("an empty path")
    if is_made_at_start(machine, path):
        return
    if follow:
        place = machine.tree.resolve(path)
    else:
        place, entry = exact(machine, path)
        if entry is None:
            raise NotInTree(f"{path} is not in the tree")
    if recursive and place == "/":
        raise Conflict("the whole tree is never changed")
    yield from [*machine.tree.within(place)] if recursive else [place]


COMMANDS = {
    "chgrp": Command(chgrp, "owner"),
    "chmod": Command(chmod, "owner"),
    "chown": Command(chown, "owner"),
}

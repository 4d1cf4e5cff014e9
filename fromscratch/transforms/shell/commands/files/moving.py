"""mv, rm, rmdir and unlink."""

from functools import partial

from fromscratch import paths
from fromscratch.errors import Conflict, NotInTree
from fromscratch.model.entry import Directory, Symlink
from fromscratch.paths import ROOT
from fromscratch.transforms.shell.commands.files.backups import BACKUP, BACKUPS, set_aside
from fromscratch.transforms.shell.commands.files.targets import for_each, for_each_pair, last_part, placing
from fromscratch.transforms.shell.file_tests import is_newer
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.tree_files import check_known, check_place, exact, inode_place, with_origin


def mv(machine: Machine, call: Call) -> Result:
    """mv(1)."""
    options = parse_options(
        call.arguments,
        "finuvTt:Z" + BACKUP,
        "force=f interactive=i no-clobber=n update=u verbose=v no-target-directory=T target-directory:=t"
        f" no-copy strip-trailing-slashes context=Z {BACKUPS}",
    )
    places = placing(machine, call, options)
    return for_each_pair(places, partial(_move, machine, call, options), prints=options.has("v"))


def _move(machine: Machine, call: Call, options: Options, source: str, target: str) -> None:
    tree = machine.tree
    for word in (source, target):
        check_place(call.path(word))
    check_known(machine, call.path(source))
    place, entry = exact(machine, call.path(source))
    goal, present = exact(machine, call.path(target))
    if entry is None or place == ROOT:
        raise NotInTree(f"{source} is not in the tree")
    if target.endswith("/") and not isinstance(entry, Directory) and not isinstance(present, Directory):
        raise Conflict(f"{target} is not a directory")
    if present is not None:
        how = options.last("n", "f", "i")
        if how == "n" or (options.has("u") and not is_newer(entry, present)):
            return
        if how == "i":
            raise NotUnderstood("it would ask")
        if goal == place:
            raise Conflict(f"{source} and {target} are the same file")
        if isinstance(present, Directory) != isinstance(entry, Directory):
            raise Conflict(f"one of {source} and {target} is a directory")
        if isinstance(present, Directory) and tree.children(goal):
            raise Conflict(f"{target} is a directory with content")
        if inode_place(machine, place) == inode_place(machine, goal) and not isinstance(entry, Directory):
            raise Conflict(f"{source} and {target} are the same file")
        if not set_aside(machine, call, options, goal):
            tree.remove(goal)
    tree.move(place, goal)
    moved = tree.find(goal, follow_last=False)
    if moved is not None:
        tree.change(goal, with_origin(moved, machine.origin("mv")))


def rm(machine: Machine, call: Call) -> Result:
    """rm(1)."""
    options = parse_options(
        call.arguments,
        "fiIrRdv",
        "force=f recursive=r dir=d verbose=v one-file-system preserve-root:: no-preserve-root interactive::",
    )
    if options.last("i", "I", "interactive", "f") in ("i", "interactive"):
        raise NotUnderstood("it would ask")
    if not options.operands and options.has("f"):
        return Result()
    return for_each(options.operands, lambda word: _remove(machine, call, options, word), prints=options.has("v"))


def _remove(machine: Machine, call: Call, options: Options, word: str) -> None:
    path = call.path(word)
    check_place(path)
    try:
        place, entry = exact(machine, path)
    except NotInTree:
        if not options.has("f"):
            raise
        return
    if entry is None:
        if word == "" or not options.has("f"):
            raise NotInTree(f"{path} is not in the tree")
        return
    if last_part(word) in (".", "..") or place == ROOT:
        raise Conflict(f"{word} is never removed")
    if word.endswith("/") and isinstance(machine.tree.find(path.rstrip("/"), follow_last=False), Symlink):
        if not options.has("r", "R"):
            raise Conflict(f"{word} is not a directory")
        for name in machine.tree.children(place):  # the link stays, and so does the directory that it leads to
            machine.tree.remove(paths.join(place, name))
        return
    removable = options.has("r", "R") or (options.has("d") and not machine.tree.children(place))
    if isinstance(entry, Directory) and not removable:
        raise Conflict(f"{path} is a directory")
    machine.tree.remove(place)


def rmdir(machine: Machine, call: Call) -> Result:
    """rmdir(1)."""
    options = parse_options(call.arguments, "pv", "parents=p verbose=v ignore-fail-on-non-empty")

    def remove(word: str) -> None:
        while True:
            path = call.path(word)
            place, entry = exact(machine, path)
            if not isinstance(entry, Directory) or place == ROOT:
                raise NotInTree(f"{path} is not a directory")
            if machine.tree.children(place):
                if options.has("ignore-fail-on-non-empty"):
                    return
                raise Conflict(f"{path} is not empty")
            machine.tree.remove(place)
            word = word.rstrip("/").rpartition("/")[0]
            if not options.has("p") or not word:
                return

    return for_each(options.operands, remove, prints=options.has("v"))


def unlink(machine: Machine, call: Call) -> Result:
    """unlink(1): one name that is not a directory's."""
    options = parse_options(call.arguments, "")
    if len(options.operands) != 1:
        return Result(1)
    place, entry = exact(machine, call.path(options.operands[0]))
    if entry is None or isinstance(entry, Directory):
        raise NotInTree(f"{options.operands[0]} is not a file of the tree")
    machine.tree.remove(place)
    return Result()


COMMANDS = {
    "mv": Command(mv, "content"),
    "rm": Command(rm, "content"),
    "rmdir": Command(rmdir, "folder"),
    "unlink": Command(unlink, "content"),
}

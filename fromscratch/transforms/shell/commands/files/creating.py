"""mkdir, mkfifo, mknod, mktemp and touch."""

import re
from collections.abc import Callable

from msgspec.structs import replace

from fromscratch.errors import Conflict, ImageError, NotInTree
from fromscratch.limits import number
from fromscratch.model.content import Inline
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, Meta
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.commands.files.targets import for_each
from fromscratch.transforms.shell.file_modes import changed, parse_changes
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.tree_files import (
    change_meta,
    check_place,
    exact,
    is_directory,
    make_folders,
    new_meta,
)

_MOST_TEMPORARY = 100
"""The temporary files of one name that a script may have; each is looked for among those before it."""


def mkdir(machine: Machine, call: Call) -> Result:
    """mkdir(1)."""
    options = parse_options(call.arguments, "pm:vZ", "parents=p mode=m verbose=v context::=Z")
    changes = parse_changes(options.value("m") or "a=rwx")
    mode = 0o777 & ~call.umask
    if options.has("m"):
        mode = changed(0o777, changes, directory=True, umask=call.umask)

    def make(word: str) -> None:
        path = call.path(word)
        place, present = _place_to_be(machine, path, call, options)
        if present is not None:
            if not options.has("p") or not is_directory(machine, path):
                raise Conflict(f"{path} is there")
            return
        meta = new_meta(machine, place, mode, directory=True)
        machine.tree.put(place, Directory(meta, (machine.origin("mkdir"),)))

    return for_each(options.operands, make, prints=options.has("v"))


def _place_to_be(machine: Machine, path: str, call: Call, options: Options) -> tuple[TreePath, Entry | None]:
    if options.has("p"):
        above = path.rstrip("/").rpartition("/")[0]
        if machine.tree.find(path, follow_last=False) is None and above:
            make_folders(machine, above, (0o777 & ~call.umask) | 0o300, "mkdir")
    return exact(machine, path)


def mktemp(machine: Machine, call: Call) -> Result:
    """mktemp(1), with a number where it has letters by chance: every build has the same names."""
    options = parse_options(call.arguments, "duqp:t", "directory=d dry-run=u quiet=q tmpdir:: suffix:")
    template = options.operands[0] if options.operands else "tmp.XXXXXXXXXX"
    suffix = options.value("suffix") or ""
    found = re.fullmatch(r"(.*?)(X{3,})([^X/]*)", template, re.DOTALL)
    if not found or len(options.operands) > 1 or (suffix and found[3]):
        raise NotUnderstood(f"{template} is not a template of one name")
    folder = options.value("p", "tmpdir")
    if not options.operands or options.has("p", "tmpdir", "t"):
        folder = folder or call.environment.get("TMPDIR") or "/tmp"
        found_name = f"{folder.rstrip('/')}/{found[1]}"
    else:
        found_name = found[1]
    for count in range(1, _MOST_TEMPORARY + 1):
        name = f"{found_name}{count:0{len(found[2])}}{found[3]}{suffix}"
        place, present = exact(machine, call.path(name))
        if present is None:
            break
    else:
        raise NotUnderstood(f"there are {_MOST_TEMPORARY} files of the template {template}")
    if not options.has("u"):
        origins = (machine.origin("mktemp"),)
        if options.has("d"):
            meta = new_meta(machine, place, 0o700, directory=True)
            machine.tree.put(place, Directory(meta, origins))
        else:
            machine.tree.put(place, File(new_meta(machine, place, 0o600), Inline(b""), origins))
    return Result(0, f"{name}\n".encode("utf-8", "surrogateescape"))


def touch(machine: Machine, call: Call) -> Result:
    """touch(1): a file that it makes or touches has the time 0, which stands for the time of the build."""
    options = parse_options(call.arguments, "acfmhr:d:t:", "no-create=c no-dereference=h reference=r date=d time:")
    if options.has("d", "t"):
        raise NotUnderstood("it sets a time of its own")
    time = 0
    if reference := options.value("r"):
        entry = machine.tree.find(call.path(reference))
        if entry is None:
            raise NotInTree(f"{reference} is not in the tree")
        time = entry.meta.mtime

    def touched(word: str) -> None:
        path = call.path(word)
        check_place(path)
        follow = not options.has("h")
        place = machine.tree.place(path, follow_last=follow)
        if machine.tree.find(place, follow_last=False) is not None:
            change_meta(machine, place, lambda entry: replace(entry.meta, mtime=time), "touch")
        elif not options.has("c", "h"):
            if path.endswith("/"):
                raise NotInTree(f"{path} is not in the tree")
            meta = replace(new_meta(machine, place, 0o666 & ~call.umask), mtime=time)
            machine.tree.put(place, File(meta, Inline(b""), (machine.origin("touch"),)))
        elif options.has("h") and not options.has("c"):
            raise NotInTree(f"{path} is not in the tree")

    def touch_one(word: str) -> None:
        try:
            touched(word)
        except ImageError:
            if not options.has("c"):
                raise

    return for_each(options.operands, touch_one)


def mkfifo(machine: Machine, call: Call) -> Result:
    """mkfifo(1)."""
    options = parse_options(call.arguments, "m:Z", "mode=m context::=Z")
    origins = (machine.origin("mkfifo"),)
    return for_each(
        options.operands, lambda word: _node(machine, call, options, word, lambda meta: Fifo(meta, origins))
    )


def mknod(machine: Machine, call: Call) -> Result:
    """mknod(1)."""
    options = parse_options(call.arguments, "m:Z", "mode=m context::=Z")
    numbers = [number(each) for each in options.operands[2:]]
    origins = (machine.origin("mknod"),)
    match options.operands[:2], numbers:
        case (word, "p"), []:
            return for_each((word,), lambda word: _node(machine, call, options, word, lambda meta: Fifo(meta, origins)))
        case (word, "b" | "c" | "u" as kind), [int(major), int(minor)]:

            def device(meta: Meta) -> Entry:
                return Device(meta, "b" if kind == "b" else "c", major, minor, origins)

            return for_each((word,), lambda word: _node(machine, call, options, word, device))
    raise NotUnderstood("it does not say what to make")


def _node(machine: Machine, call: Call, options: Options, word: str, make: Callable[[Meta], Entry]) -> None:
    path = call.path(word)
    check_place(path)
    place, present = exact(machine, path)
    if present is not None:
        raise Conflict(f"{path} is there")
    mode = 0o666 & ~call.umask
    if options.has("m"):
        mode = changed(0o666, parse_changes(options.value("m") or ""), directory=False, umask=call.umask)
    machine.tree.put(place, make(new_meta(machine, place, mode)))


COMMANDS = {
    "mkdir": Command(mkdir, "folder"),
    "mkfifo": Command(mkfifo, "content"),
    "mknod": Command(mknod, "content"),
    "mktemp": Command(mktemp, "content"),
    "touch": Command(touch, "content"),
}

"""install."""

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import Conflict
from fromscratch.model.content import Content, Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, kind_of
from fromscratch.transforms.shell.commands.files.backups import BACKUP, BACKUPS, set_aside
from fromscratch.transforms.shell.commands.files.owners import with_owner
from fromscratch.transforms.shell.commands.files.targets import for_each, for_each_pair, placing
from fromscratch.transforms.shell.file_modes import changed, parse_changes
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.owner_names import group_number, user_number
from fromscratch.transforms.shell.tree_files import (
    change_meta,
    check_known,
    check_place,
    exact,
    make_folders,
    new_meta,
)

_FOLDERS = 0o755
_MADE_UP = frozenset({"/dev/null", "/dev/stdin"})


class _Given(Struct, frozen=True):
    """The mode and the owner that a call says; of the owner, None is not said."""

    mode: int
    owner: tuple[int | None, int | None]


def install(machine: Machine, call: Call) -> Result:
    """install(1)."""
    options = parse_options(
        call.arguments,
        "cCdDg:m:o:psTt:vZ" + BACKUP,
        "compare=C directory=d group=g mode=m owner=o preserve-timestamps=p strip=s no-target-directory=T"
        f" target-directory:=t verbose=v context::=Z strip-program: {BACKUPS}",
    )
    if options.has("s"):
        raise NotUnderstood("it strips programs")
    uid, gid = options.value("o"), options.value("g")
    owner = (user_number(machine, uid) if uid else None, group_number(machine, gid) if gid else None)
    changes = parse_changes(options.value("m") or "755")
    if options.has("d"):
        mode = changed(0, changes, directory=True)
        return for_each(
            options.operands, lambda word: _folder(machine, call, word, mode, owner), prints=options.has("v")
        )
    if options.has("D"):
        _make_folder(machine, call, options)
    mode = changed(0, changes, directory=False)
    places = placing(machine, call, options)
    return for_each_pair(
        places, partial(_install, machine, call, options, _Given(mode, owner)), prints=options.has("v")
    )


def _make_folder(machine: Machine, call: Call, options: Options) -> None:
    folder = options.value("t")
    if folder is None and options.operands:
        folder = options.operands[-1].rstrip("/").rpartition("/")[0]
    if folder:
        make_folders(machine, call.path(folder), _FOLDERS, "install")


def _folder(machine: Machine, call: Call, word: str, mode: int, owner: tuple[int | None, int | None]) -> None:
    path = call.path(word)
    check_place(path)
    make_folders(machine, path, _FOLDERS, "install")
    place = machine.tree.resolve(path)

    uid, gid = owner

    def changed_meta(entry: Entry) -> Meta:
        meta = entry.meta
        return replace(meta, mode=mode, uid=meta.uid if uid is None else uid, gid=meta.gid if gid is None else gid)

    change_meta(machine, place, changed_meta, "install")


def _install(machine: Machine, call: Call, options: Options, given: _Given, source: str, target: str) -> None:
    content, time, reason = _source(machine, call, options, source)
    path = call.path(target)
    check_place(path)
    if path.endswith("/"):
        raise Conflict(f"{path} is not a directory")
    place, present = exact(machine, path)
    if isinstance(present, Directory):
        raise Conflict(f"{path} is a directory")
    if present is not None:
        if source not in _MADE_UP and machine.tree.resolve(call.path(source)) == place:
            raise Conflict(f"{source} and {target} are the same file")
        if not set_aside(machine, call, options, place):
            machine.tree.remove(place)
    meta = replace(new_meta(machine, place, given.mode), mtime=time)
    entry = File(meta, content, (machine.origin("install"), *reason))
    uid, gid = given.owner
    if uid is not None or gid is not None:
        # install sets the owner first and the mode after it, so that set-ID bits stay.
        meta = replace(
            with_owner(entry, meta.uid if uid is None else uid, meta.gid if gid is None else gid), mode=given.mode
        )
    machine.tree.put(place, replace(entry, meta=meta))


def _source(machine: Machine, call: Call, options: Options, source: str) -> tuple[Content, int, tuple[Origin, ...]]:
    path = call.path(source)
    if path == "/dev/null":
        return Inline(b""), 0, ()
    if path == "/dev/stdin":
        return Inline(call.read()), 0, ()
    check_place(path)
    check_known(machine, path)
    entry = machine.tree.find(path)
    if not isinstance(entry, File):
        raise Conflict(f"{path} is not a file" if entry is None else f"{path} is a {kind_of(entry)}")
    return entry.content, entry.meta.mtime if options.has("p") else 0, entry.origins[:1]


COMMANDS = {"install": Command(install, "content")}

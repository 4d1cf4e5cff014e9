"""cp."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, NotInTree
from fromscratch.model.entry import Directory, Entry, File, HardLink, Meta, Symlink
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.commands.files.backups import BACKUP, BACKUPS, set_aside
from fromscratch.transforms.shell.commands.files.targets import for_each, for_each_pair, placing
from fromscratch.transforms.shell.file_tests import is_newer
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.streams import UnknownFiles
from fromscratch.transforms.shell.tree_files import (
    check_known,
    check_place,
    exact,
    inode_place,
    is_directory,
    make_folders,
    new_meta,
    with_origin,
    write_file,
)

_LETTERS = "aprRdPLHfnuvlsTt:xiZ" + BACKUP
_NAMES = (
    "archive=a recursive=R no-dereference=P dereference=L force=f no-clobber=n update:: verbose=v link=l interactive=i"
    " symbolic-link=s no-target-directory=T target-directory:=t one-file-system=x preserve:: no-preserve: parents"
    f" remove-destination attributes-only reflink:: sparse: strip-trailing-slashes context::=Z {BACKUPS}"
)
_DEEPEST = 256
_KINDS = {"mode", "ownership", "timestamps", "links", "context", "xattr", "all"}


class _Way(Struct, frozen=True):
    """How a call of cp copies. `links` says which symlinks are followed: P none, H those of the call, L all."""

    recursive: bool
    links: str
    mode: bool
    owner: bool
    time: bool
    hard_links: bool
    xattrs: bool
    umask: int


def cp(machine: Machine, call: Call) -> Result:
    """cp(1)."""
    options = parse_options(call.arguments, _LETTERS, _NAMES)
    if options.has("i") and options.last("i", "n", "f") == "i":
        raise NotUnderstood("it would ask")
    if options.has("s", "attributes-only"):
        raise NotUnderstood("that way of copying is not known")
    way = _way(options, call)
    if options.has("parents"):
        return _with_parents(machine, call, options, way)
    places = placing(machine, call, options)
    copy = _Copy(machine, call, options, way)
    return for_each_pair(places, copy.operand, prints=options.has("v"))


def _with_parents(machine: Machine, call: Call, options: Options, way: _Way) -> Result:
    folder, words = options.value("t"), [*options.operands]
    folder = folder if folder is not None else words.pop() if words else ""
    if not is_directory(machine, call.path(folder)):
        raise Conflict(f"{folder} is not a folder")
    copy = _Copy(machine, call, options, way)

    def one(word: str) -> None:
        target = f"{folder}/{word.strip('/')}"
        steps = word.strip("/").split("/")
        for depth in range(1, len(steps)):
            below = "/".join(steps[:depth])
            above = machine.tree.find(call.path(f"/{below}" if word.startswith("/") else below))
            mode = above.meta.mode & 0o777 if above else 0o777
            make_folders(machine, call.path(f"{folder}/{below}"), mode & ~call.umask, "cp")
        copy.operand(word, target)

    return for_each(words, one, prints=options.has("v"))


def _way(options: Options, call: Call) -> _Way:
    preserved: set[str] = set()
    links = ""
    for name, value in options.given:
        match name:
            case "p":
                preserved |= {"mode", "ownership", "timestamps"}
            case "a":
                preserved |= _KINDS
                links = "P"
            case "d":
                preserved.add("links")
                links = "P"
            case "preserve" | "no-preserve":
                kinds = set((value or "mode,ownership,timestamps").split(","))
                if not kinds <= _KINDS:
                    raise NotUnderstood(f"{value} cannot be preserved")
                kinds = _KINDS if "all" in kinds else kinds
                preserved = preserved | kinds if name == "preserve" else preserved - kinds
            case "P" | "L" | "H":
                links = name
    recursive = options.has("a", "r", "R")
    return _Way(
        recursive=recursive,
        links=links or ("P" if recursive else "L"),
        mode="mode" in preserved,
        owner="ownership" in preserved,
        time="timestamps" in preserved,
        hard_links="links" in preserved,
        xattrs="xattr" in preserved,
        umask=call.umask,
    )


class _Copy:
    """One call of cp: `_copied` has where each file has gone, so that hard links stay links."""

    def __init__(self, machine: Machine, call: Call, options: Options, way: _Way) -> None:
        self._machine, self._call, self._options, self._way = machine, call, options, way
        self._copied: dict[TreePath, TreePath] = {}
        self._origin = machine.origin("cp")

    def operand(self, source: str, target: str) -> None:
        """Copy what an operand of the call names."""
        follow = self._way.links != "P"
        tree = self._machine.tree
        path = self._call.path(source)
        if path == "/dev/null":
            write_file(self._machine, self._call.path(target), b"", umask=self._way.umask, what="cp")
            return
        check_place(path)
        check_known(self._machine, path)
        check_place(self._call.path(target))
        place = tree.resolve(path, follow_last=follow)
        entry = tree.find(place, follow_last=False)
        if isinstance(entry, Directory) and not self._way.recursive:
            raise Conflict(f"{source} is a directory, and -r is not given")
        goal, present = exact(self._machine, self._call.path(target))
        self._machine.state(UnknownFiles).doubts.pop(goal, None)
        if present is None and target.endswith("/") and not isinstance(entry, Directory):
            raise NotInTree(f"{target} is not in the tree")
        if isinstance(entry, Directory) and paths.is_within(goal, place):
            raise Conflict(f"{source} cannot be copied into itself, {target}")
        # What is below is listed before anything is copied: a copy may lie among it.
        copied = [self._one(each, there) for each, there in [*self._listed(place, goal)]]
        if not all(copied):
            raise Conflict(f"not all of {source} could be copied")

    def _listed(self, place: TreePath, goal: TreePath) -> Iterator[tuple[TreePath | None, TreePath]]:
        tree = self._machine.tree
        pending = [(place, goal, 0)]
        while pending:
            place, goal, depth = pending.pop()
            if self._way.links == "L" and depth:
                if tree.find(place) is None:
                    yield None, goal
                    continue
                place = tree.resolve(place)
            yield place, goal
            if isinstance(tree.at(place), Directory):
                if depth > _DEEPEST:
                    raise NotUnderstood("it follows links in a circle")
                below = [(paths.join(place, name), paths.join(goal, name)) for name in tree.children(place)]
                pending += [(each, there, depth + 1) for each, there in reversed(below)]

    def _one(self, place: TreePath | None, goal: TreePath) -> bool:
        entry = self._machine.tree.find(place, follow_last=False) if place else None
        if place is None or entry is None:
            return False
        if isinstance(entry, Directory):
            return self._directory(entry, goal)
        return self._file(place, entry, goal)

    def _directory(self, entry: Directory, goal: TreePath) -> bool:
        tree = self._machine.tree
        goal = tree.place(goal, follow_last=False)
        present = tree.find(goal)
        if present is not None and not isinstance(present, Directory):
            return False
        if present is None:
            mode = entry.meta.mode & 0o7777 & ~(0 if self._way.mode else self._way.umask | 0o7000)
            meta = new_meta(self._machine, goal, mode, directory=True)
            tree.put(goal, Directory(self._meta(entry.meta, meta), (self._origin,)))
        else:
            goal = tree.resolve(goal)
            meta = self._meta(entry.meta, present.meta)
            if meta != present.meta:
                tree.change(goal, with_origin(replace(present, meta=meta), self._origin))
        return True

    def _file(self, place: TreePath, entry: Entry, goal: TreePath) -> bool:
        tree, inode = self._machine.tree, inode_place(self._machine, place)
        through = not isinstance(entry, Symlink)  # a link at the target is written through, as `>` does
        goal = tree.place(goal, follow_last=False)
        present = tree.find(goal, follow_last=False)
        if isinstance(present, Symlink) and through and not self._options.has("remove-destination"):
            if tree.find(goal) is None:
                return False  # "not writing through dangling symlink"
            goal = tree.resolve(goal)
            present = tree.find(goal)
        if present is not None:
            if isinstance(present, Directory):
                return False
            if self._options.last("n", "f", "i") == "n" or self._is_older(entry, present):
                return True
            if inode_place(self._machine, goal) == inode:
                return self._options.has("l")
        self._put(entry, inode, goal, present)
        return True

    def _put(self, entry: Entry, inode: TreePath, goal: TreePath, present: Entry | None) -> None:
        tree = self._machine.tree
        if present is not None and set_aside(self._machine, self._call, self._options, goal):
            present = None
        known = self._copied.get(inode) if self._way.hard_links else None
        linked = inode if self._options.has("l") else known
        if linked is not None:
            if present is not None:
                tree.remove(goal)
            target = inode_place(self._machine, linked)
            tree.put(goal, HardLink(entry.meta, target, (self._origin,)))
            return
        self._copied[inode] = goal
        if isinstance(entry, File) and isinstance(present, File) and not self._options.has("remove-destination"):
            meta = self._meta(entry.meta, replace(present.meta, mtime=0))
            tree.change(goal, with_origin(replace(present, content=entry.content, meta=meta), self._origin))
            return
        if present is not None:
            tree.remove(goal)
        mode = entry.meta.mode & 0o777 & ~self._way.umask
        made = new_meta(self._machine, goal, 0o777 if isinstance(entry, Symlink) else mode)
        tree.put(goal, replace(entry, meta=self._meta(entry.meta, made), origins=(self._origin, *entry.origins[:1])))

    def _meta(self, source: Meta, made: Meta) -> Meta:
        way = self._way
        return Meta(
            source.mode if way.mode else made.mode,
            source.uid if way.owner else made.uid,
            source.gid if way.owner else made.gid,
            source.mtime if way.time else made.mtime,
            source.xattrs if way.xattrs else made.xattrs,
        )

    def _is_older(self, entry: Entry, present: Entry) -> bool:
        how = self._options.value("u", "update")
        if how is None or how == "all":
            return False
        if how == "none":
            return True
        if how not in ("", "older"):
            raise NotUnderstood(f"the update {how} is not known")
        return not is_newer(entry, present)


COMMANDS = {"cp": Command(cp, "content")}

"""ln, link, readlink, realpath, basename and dirname."""

import posixpath
from collections.abc import Callable, Sequence
from functools import partial

from fromscratch.errors import Conflict, ImageError, NotInTree
from fromscratch.model.entry import Directory, HardLink, Meta, Symlink
from fromscratch.model.resolution import Circle
from fromscratch.transforms.shell.commands.files.backups import BACKUP, BACKUPS, set_aside
from fromscratch.transforms.shell.commands.files.targets import for_each_pair, last_part, placing
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.tree_files import check_place, exact, inode_place


def ln(machine: Machine, call: Call) -> Result:
    """ln(1)."""
    options = parse_options(
        call.arguments,
        "sfnrvTt:LPd" + BACKUP,
        "symbolic=s force=f no-dereference=n relative=r verbose=v no-target-directory=T target-directory:=t"
        f" logical=L physical=P {BACKUPS}",
    )
    words = options.operands
    if len(words) == 1 and not options.has("t", "T"):
        options = Options(options.given, (*words, "."))
    places = placing(machine, call, options, follow=not options.has("n"))
    return for_each_pair(places, partial(_link, machine, call, options), prints=options.has("v"))


def _link(machine: Machine, call: Call, options: Options, source: str, target: str) -> None:
    path = call.path(target)
    check_place(path)
    place, present = exact(machine, path)
    inode = None
    if not options.has("s"):
        found = machine.tree.resolve(call.path(source), follow_last=options.last("L", "P", "d") == "L")
        inode = inode_place(machine, found)
        if isinstance(machine.tree.at(inode), Directory):
            raise Conflict(f"{source} is a directory")
    if present is None and path.endswith("/"):
        raise NotInTree(f"{path} is not in the tree")
    if present is not None:
        if isinstance(present, Directory):
            raise Conflict(f"{path} is a directory")
        if inode is not None and inode_place(machine, place) == inode:
            if options.has("f") and place != machine.tree.resolve(call.path(source), follow_last=False):
                return
            raise Conflict(f"{path} and {source} are the same file")
        if not set_aside(machine, call, options, place):
            if not options.has("f"):
                raise Conflict(f"{path} is there")
            machine.tree.remove(place)
    origins = (machine.origin("ln"),)
    if inode is not None:
        # What was removed can have been the first name of the file.
        inode = inode_place(machine, machine.tree.resolve(call.path(source), follow_last=options.has("L")))
        entry = machine.tree.at(inode)
        meta = entry.meta if entry else Meta(0o644)
        machine.tree.put(place, HardLink(meta, inode, origins))
        return
    text = _relative(machine, call, source, target) if options.has("r") else source
    if not text:
        raise NotInTree("a link to an empty path")
    machine.tree.put(place, Symlink(Meta(0o777), text, origins))


def _relative(machine: Machine, call: Call, source: str, target: str) -> str:
    folder = canonical(machine, posixpath.dirname(call.path(target)) or "/", "m")
    return posixpath.relpath(canonical(machine, call.path(source), "m"), folder)


def canonical(machine: Machine, path: str, how: str, *, follow: bool = True) -> str:
    """The path without links: all of it is there (`e`), all but the last part (`f`), or any part may be missing (`m`).

    Raises NotInTree.
    """
    if how == "e":
        return machine.tree.resolve(path, follow_last=follow)
    if how == "f":
        return machine.tree.place(path.rstrip("/") or "/", follow_last=follow)
    known, rest = path, ""
    while True:
        try:
            place = machine.tree.resolve(known or "/", follow_last=follow)
            return posixpath.normpath(f"{place}/{rest}").replace("//", "/")
        except Circle:
            raise
        except NotInTree:
            dangling = machine.tree.find(known, follow_last=False)
            if isinstance(dangling, Symlink):
                above = known.rpartition("/")[0]
                known = dangling.target if dangling.target.startswith("/") else f"{above}/{dangling.target}"
                continue
            known, _, part = known.rstrip("/").rpartition("/")
            rest = f"{part}/{rest}"


def readlink(machine: Machine, call: Call) -> Result:
    """readlink(1)."""
    options = parse_options(
        call.arguments,
        "femnqsvz",
        "canonicalize=f canonicalize-existing=e canonicalize-missing=m no-newline=n quiet=q silent=s verbose=v zero=z",
    )
    how = options.last("f", "e", "m")

    def look(word: str) -> str:
        path = call.path(word)
        if how:
            return canonical(machine, path, how)
        entry = machine.tree.find(path, follow_last=False)
        if not isinstance(entry, Symlink):
            raise NotInTree(f"{path} is not a link")
        return entry.target

    status, found = _answers(options.operands, look)
    ending = "\0" if options.has("z") else "\n"
    text = ending.join(found) if options.has("n") and len(options.operands) == 1 else "".join(f + ending for f in found)
    return Result(status, text.encode("utf-8", "surrogateescape"))


def realpath(machine: Machine, call: Call) -> Result:
    """realpath(1)."""
    options = parse_options(
        call.arguments,
        "emLPqsz",
        "canonicalize-existing=e canonicalize-missing=m logical=L physical=P quiet=q strip=s no-symlinks=s zero=z"
        " relative-to: relative-base:",
    )
    if options.has("relative-base", "L"):
        raise NotUnderstood("the base of relative paths is not known")
    how = options.last("e", "m") or "f"
    base = options.value("relative-to")

    def look(word: str) -> str:
        path = call.path(word)
        if not word:
            raise NotInTree("an empty path")
        place = posixpath.normpath(path) if options.has("s") else canonical(machine, path, how)
        if base is not None:
            place = posixpath.relpath(place, canonical(machine, call.path(base), how))
        return place.replace("//", "/") + ("\0" if options.has("z") else "\n")

    status, found = _answers(options.operands, look)
    return Result(status, "".join(found).encode("utf-8", "surrogateescape"))


def _answers(words: Sequence[str], look: Callable[[str], str]) -> tuple[int, list[str]]:
    """The answers for all words that have one, and the status. Raises the first failure when none has."""
    failure: ImageError | None = None if words else NotInTree("the call names no path")
    found = []
    for word in words:
        try:
            found.append(look(word))
        except ImageError as error:
            failure = failure or error
    if failure is not None and not found:
        raise failure
    return 1 if failure else 0, found


def basename(machine: Machine, call: Call) -> Result:
    """basename(1)."""
    options = parse_options(call.arguments, "as:z", "multiple=a suffix:=s zero=z", anywhere=False)
    words = [*options.operands]
    suffix = options.value("s")
    if not words or (len(words) > 2 and not options.has("a", "s")):
        return Result(1)
    if len(words) == 2 and not options.has("a", "s"):
        suffix = words.pop()
    ending = "\0" if options.has("z") else "\n"
    return _text("".join(_without_suffix(last_part(word), suffix or "") + ending for word in words))


def _without_suffix(name: str, suffix: str) -> str:
    return name.removesuffix(suffix) if name != suffix else name


def dirname(machine: Machine, call: Call) -> Result:
    """dirname(1)."""
    options = parse_options(call.arguments, "z", "zero=z")
    if not options.operands:
        return Result(1)
    ending = "\0" if options.has("z") else "\n"
    return _text("".join(_folder(word) + ending for word in options.operands))


def _folder(word: str) -> str:
    above, slash, _ = word.rstrip("/").rpartition("/")
    return above.rstrip("/") or ("/" if slash or word.startswith("/") else ".")


def _text(text: str) -> Result:
    return Result(0, text.encode("utf-8", "surrogateescape"))


def link(machine: Machine, call: Call) -> Result:
    """link(1): a hard link, and nothing else."""
    options = parse_options(call.arguments, "")
    if len(options.operands) != 2:
        return Result(1)
    source, target = options.operands
    _link(machine, call, Options((("T", ""),), options.operands), source, target)
    return Result()


COMMANDS = {
    "basename": Command(basename, "content"),
    "dirname": Command(dirname, "content"),
    "link": Command(link, "link"),
    "ln": Command(ln, "link"),
    "readlink": Command(readlink, "link"),
    "realpath": Command(realpath, "link"),
}

"""ls, as far as scripts read it: names, and the long form of what a tree knows, in which every time is the epoch."""

import stat

from fromscratch.errors import ImageError
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, Meta, Symlink
from fromscratch.paths import encode
from fromscratch.transforms.shell.commands.accounts.present import account_files
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.to_come import is_made_at_start
from fromscratch.transforms.shell.tree_files import exact


def ls(machine: Machine, call: Call) -> Result:
    """ls(1), a name a line."""
    options = parse_options(
        call.arguments, "1aAdrLln", "all=a almost-all=A directory=d reverse=r numeric-uid-gid=n dereference=L"
    )
    if options.has("l", "n"):
        return _long(machine, call, options)
    status = 0
    names: list[str] = []
    folders: list[tuple[str, list[str]]] = []
    for word in sorted(options.operands) or ["."]:
        try:
            place, entry = exact(machine, call.path(word))
            if options.has("L") or not options.has("d"):
                reached = machine.tree.find(place)
                entry = reached if reached is not None or options.has("L") else entry
        except ImageError:
            entry = None
        if entry is None:
            status = 2
        elif isinstance(entry, Directory) and not options.has("d"):
            folders.append((word, _shown(machine.tree.children(machine.tree.resolve(place)), options.last("a", "A"))))
        else:
            names.append(word)
    if options.has("r"):
        raise NotUnderstood("the order is turned round")
    parts = ["".join(f"{name}\n" for name in names)] if names else []
    headed = len(options.operands) > 1
    parts += [(f"{word}:\n" if headed else "") + "".join(f"{name}\n" for name in rows) for word, rows in folders]
    return Result(status, encode("\n".join(parts)))


def _long(machine: Machine, call: Call, options: Options) -> Result:
    """A line for each operand that is not a folder to be listed. What a container makes when it starts is root's."""
    rows, status = [], 0
    for word in sorted(options.operands) or ["."]:
        entry = machine.tree.find(call.path(word), follow_last=options.has("L"))
        if entry is None and is_made_at_start(machine, call.path(word)):
            entry = File(Meta(0o600), Inline(b""))
        if entry is None:
            status = 2
        elif isinstance(entry, File | Symlink) or (isinstance(entry, Directory) and options.has("d")):
            rows.append(_row(machine, word, entry, numeric=options.has("n")))
        else:
            raise NotUnderstood("it lists a folder with numbers that a tree does not have")
    return Result(status, encode("".join(rows)))


def _row(machine: Machine, word: str, entry: Directory | File | Symlink, *, numeric: bool) -> str:
    kind = {Directory: stat.S_IFDIR, File: stat.S_IFREG, Symlink: stat.S_IFLNK}[type(entry)]
    size = entry.content.size if isinstance(entry, File) else len(entry.target) if isinstance(entry, Symlink) else 4096
    meta, accounts = entry.meta, account_files(machine)
    user = None if numeric else accounts.users.numbered(meta.uid)
    group = None if numeric else accounts.groups.numbered(meta.gid)
    owner = f"{user[0] if user else meta.uid} {group[0] if group else meta.gid}"
    arrow = f" -> {entry.target}" if isinstance(entry, Symlink) else ""
    return f"{stat.filemode(kind | meta.mode)} 1 {owner} {size} Jan  1  1970 {word}{arrow}\n"


def _shown(names: list[str], how: str | None) -> list[str]:
    if how == "a":
        return [".", "..", *names]
    return names if how == "A" else [name for name in names if not name.startswith(".")]


COMMANDS = {"ls": Command(ls, "content")}

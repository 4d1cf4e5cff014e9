"""ls, as far as scripts read it: names, and the long form of what a tree knows."""

from fromscratch.errors import ImageError
from fromscratch.model.entry import Directory
from fromscratch.paths import encode
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import parse_options
from fromscratch.transforms.shell.tree_files import exact


def ls(machine: Machine, call: Call) -> Result:
    """ls(1), a name a line."""
    options = parse_options(call.arguments, "1aAdrLl", "all=a almost-all=A directory=d reverse=r")
    if options.has("l"):
        raise NotUnderstood("it shows times, which a tree does not have")
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


def _shown(names: list[str], how: str | None) -> list[str]:
    if how == "a":
        return [".", "..", *names]
    return names if how == "A" else [name for name in names if not name.startswith(".")]


COMMANDS = {"ls": Command(ls, "content")}

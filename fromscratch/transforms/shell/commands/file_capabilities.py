"""setcap(8) and getcap(8): capabilities of programs, in the attribute that holds them."""

from msgspec.structs import replace

from fromscratch.formats import capabilities
from fromscratch.model.entry import File
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_FAILED = Result(1)


def setcap(machine: Machine, call: Call) -> Result:
    """Give pairs of capabilities and file; `-r FILE` takes those of a file away."""
    words = [word for word in call.arguments if word not in ("-q", "-f")]
    if "-v" in words:
        raise NotUnderstood("setcap -v compares, which is not known")
    while words:
        text, words = words[0], words[1:]
        if not words:
            return _FAILED
        path, words = words[0], words[1:]
        try:
            value = None if text == "-r" else capabilities.from_text(text)
        except ValueError as error:
            raise NotUnderstood(str(error)) from error
        found = _program(machine, call.path(path))
        if found is None:
            return _FAILED
        place, entry = found
        xattrs = dict(entry.meta.xattrs)
        xattrs.pop(capabilities.ATTRIBUTE, None)
        if value is not None:
            xattrs[capabilities.ATTRIBUTE] = value
        meta = replace(entry.meta, xattrs=tuple(sorted(xattrs.items())))
        machine.tree.change_meta(place, meta)
    return Result()


def getcap(machine: Machine, call: Call) -> Result:
    """Nothing of files without capabilities; the text of others is not known."""
    for word in call.arguments:
        found = None if word.startswith("-") else _program(machine, call.path(word))
        if found is not None and any(name == capabilities.ATTRIBUTE for name, _ in found[1].meta.xattrs):
            return Result(output=None)
    return Result()


def _program(machine: Machine, path: str) -> tuple[TreePath, File] | None:
    entry = machine.tree.find(path)
    return (machine.tree.resolve(path), entry) if isinstance(entry, File) else None


COMMANDS = {"setcap": Command(setcap, "owner"), "getcap": Command(getcap, "program")}

"""Operands of commands that take several, and the one that says where the others go."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from fromscratch.errors import Conflict, ImageError
from fromscratch.model.entry import Directory
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options
from fromscratch.transforms.shell.tree_files import is_directory


def for_each(operands: Iterable[str], act: Callable[[str], None], *, prints: bool = False) -> Result:
    """Do something for every operand, also after one for which it fails, and then raise the first failure.

    No operand at all is a wrong call. With `prints` nobody knows what it prints.
    """
    failure: ImageError | None = None if (words := [*operands]) else Conflict("the call names no file")
    for word in words:
        try:
            act(word)
        except ImageError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return Result(0, None if prints else b"")


class Placing(Struct, frozen=True):
    """What goes where: the words of a source and of its target. `failed` says that the call is wrong."""

    pairs: tuple[tuple[str, str], ...]
    failed: bool = False


def for_each_pair(places: Placing, act: Callable[[str, str], None], *, prints: bool = False) -> Result:
    """Do something for every source and its target; a target is never written twice by one call.

    Raises the first failure after all.
    """
    if places.failed:
        raise Conflict("the last operand is not a folder for the others")
    failure: ImageError | None = None
    done: set[str] = set()
    for source, target in places.pairs:
        try:
            if target in done:
                raise Conflict(f"{target} has just been made")
            act(source, target)
            done.add(target)
        except ImageError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return Result(0, None if prints else b"")


def placing(machine: Machine, call: Call, options: Options, *, follow: bool = True) -> Placing:
    """How cp, mv, ln and install read their operands with `-t` and `-T`: POSIX's two forms.

    Without `follow` a link to a directory is itself the target.
    """
    words = [*options.operands]
    folder = options.value("t")
    if folder is None and not options.has("T") and words:
        last = words[-1]
        if len(words) > 1 and _leads_to_directory(machine, call.path(last), follow):
            folder = words.pop()
        elif len(words) > 2:
            return Placing((), failed=True)
    if folder is not None:
        if options.has("T"):
            raise NotUnderstood("it has both -t and -T")
        if not is_directory(machine, call.path(folder)) or not words:
            return Placing((), failed=True)
        return Placing(tuple((word, f"{folder.rstrip('/') or '/'}/{last_part(word)}") for word in words))
    return Placing((), failed=True) if len(words) != 2 else Placing(((words[0], words[1]),))


def _leads_to_directory(machine: Machine, path: str, follow: bool) -> bool:
    return isinstance(machine.tree.find(path, follow_last=follow), Directory)


def last_part(word: str) -> str:
    """The last part of a path, as basename(1) has it."""
    return word.rstrip("/").rpartition("/")[2] or word[:1]

"""sed."""

import posixpath
from collections.abc import Iterator

from msgspec.structs import replace

from fromscratch.errors import Conflict, ImageError, NotInTree
from fromscratch.model.content import Inline
from fromscratch.model.entry import File
from fromscratch.paths import decode, encode
from fromscratch.transforms.shell.commands.files.reading import read_operand
from fromscratch.transforms.shell.commands.text.sed.execution import Execution, Line, Quit
from fromscratch.transforms.shell.commands.text.sed.parsing import parse_program
from fromscratch.transforms.shell.commands.text.sed.program import Program
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.tree_files import exact, read_file, write_file


def sed(machine: Machine, call: Call) -> Result:
    """sed(1)."""
    options = parse_options(
        call.arguments,
        "ne:f:Eri::sul:z",
        "quiet=n silent=n expression=e file=f regexp-extended=E in-place=i separate=s unbuffered=u null-data=z"
        " posix follow-symlinks line-length=l",
    )
    text, words = _program_text(machine, call, options)
    if text is None:
        return Result(1)
    quiet = options.has("n")
    if text.startswith("#n\n"):
        quiet = True
    program = parse_program(text, extended=options.has("E", "r"))
    files = _Files(machine, call, program)
    execution = Execution(program, files, quiet=quiet, ending="\0" if options.has("z") else "\n")
    if options.has("i", "in-place"):
        return _in_place(machine, call, options, words, execution, files)
    if options.has("s") and len(words) > 1:
        raise NotUnderstood("it takes each file by itself")
    status, found = 0, []
    for word in words or ("-",):
        try:
            found.append((word, decode(read_operand(machine, call, word))))
        except ImageError:
            status = 2
            if len(words) == 1:
                raise
    try:
        execution.run(_lines(found, "\0" if options.has("z") else "\n"))
    except Quit as end:
        status = end.status or status
    files.finish()
    return Result(status, encode(execution.output.text))


def _program_text(machine: Machine, call: Call, options: Options) -> tuple[str | None, tuple[str, ...]]:
    parts = []
    for name, value in options.given:
        if name == "e":
            parts.append(value)
        elif name == "f":
            parts.append(decode(read_operand(machine, call, value)).removesuffix("\n"))
    if parts:
        return "\n".join(parts), options.operands
    if not options.operands:
        return None, ()
    return options.operands[0], options.operands[1:]


def _lines(found: list[tuple[str, str]], ending: str) -> Iterator[Line]:
    """The lines of all files, the last of which ends them all."""
    files = [(name, text) for name, text in found if text]
    for number, (name, text) in enumerate(files, 1):
        lines = text.removesuffix(ending).split(ending)
        for place, line in enumerate(lines, 1):
            ends = place == len(lines)
            yield Line(line, not ends or text.endswith(ending), ends and number == len(files), name)


def _in_place(
    machine: Machine, call: Call, options: Options, words: tuple[str, ...], execution: Execution, files: "_Files"
) -> Result:
    status = 0
    ending = "\0" if options.has("z") else "\n"
    for word in words:
        try:
            text = _editable(machine, call, word)
        except ImageError:
            status = status or 4
            if len(words) == 1:
                raise
            continue
        execution.begin()
        quit_status = None
        try:
            execution.run(_lines([(word, text)], ending))
        except Quit as end:
            quit_status = end.status
        _replace(machine, call, options, word, encode(execution.output.text))
        if quit_status is not None:
            status = quit_status or status
            break
    files.finish()
    return Result(status)


def _editable(machine: Machine, call: Call, word: str) -> str:
    entry = machine.tree.find(call.path(word))
    if not isinstance(entry, File):
        raise (NotInTree if entry is None else Conflict)(f"{word} is not a file")
    return decode(read_file(machine, call.path(word)))


def _replace(machine: Machine, call: Call, options: Options, word: str, data: bytes) -> None:
    """Put a new file in the place of the old one, with the same owner and mode, as sed does; a link gives way to it."""
    tree, path = machine.tree, call.path(word)
    place = tree.resolve(path) if options.has("follow-symlinks") else exact(machine, path)[0]
    before = tree.find(path)
    if not isinstance(before, File):
        return
    suffix = options.value("i", "in-place") or ""
    if suffix:
        name = suffix.replace("*", posixpath.basename(place)) if "*" in suffix else posixpath.basename(place) + suffix
        if "/" in name:
            raise NotUnderstood("the backup is in another folder")
        backup, _ = exact(machine, f"{posixpath.dirname(place)}/{name}")
        present = tree.find(place, follow_last=False)
        if present is not None:
            if tree.find(backup, follow_last=False) is not None:
                tree.remove(backup)
            tree.move(place, backup)
    elif read_file(machine, path) == data:
        return
    made = replace(before, content=Inline(data), meta=replace(before.meta, mtime=0))
    tree.put(place, replace(made, origins=(*before.origins, machine.origin("sed"))))


class _Files:
    """The files that a program names: those it writes are emptied at its start, even where it never comes to it."""

    def __init__(self, machine: Machine, call: Call, program: Program) -> None:
        self._machine, self._call = machine, call
        names = [step.text for step in program if step.letter == "w"]
        names += [step.substitution.file for step in program if step.substitution and step.substitution.file]
        self._written: dict[str, list[str]] = {name: [] for name in names}
        if any(name in ("/dev/stdout", "/dev/stderr") for name in names):
            raise NotUnderstood("it writes to the output by name")

    def read(self, name: str) -> str:
        try:
            return decode(read_operand(self._machine, self._call, name if name != "-" else "./-"))
        except ImageError:
            return ""

    def write(self, name: str, text: str) -> None:
        self._written[name].append(text)

    def finish(self) -> None:
        """Write what the program has written."""
        for name, parts in self._written.items():
            data = encode("".join(parts))
            write_file(self._machine, self._call.path(name), data, umask=self._call.umask, what="sed")


COMMANDS = {"sed": Command(sed, "content")}

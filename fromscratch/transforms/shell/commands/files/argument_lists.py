"""xargs."""

import re

from msgspec.structs import replace

from fromscratch.errors import ImageError
from fromscratch.paths import decode
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import Options, parse_options
from fromscratch.transforms.shell.standard_input import Input

_MOST_RUN = 10_000


def xargs(machine: Machine, call: Call) -> Result:
    """xargs(1)."""
    options = parse_options(
        call.arguments,
        "0rn:I:d:L:P:tx",
        "null=0 no-run-if-empty=r max-args=n replace:: delimiter=d max-lines=L max-procs=P verbose=t exit=x",
        anywhere=False,
    )
    if options.has("L", "replace", "t"):
        raise NotUnderstood("that way of calling is not known")
    names = _names(decode(call.read()), options)
    command = options.operands or ("echo",)
    if command == ("echo",) or command[0] == "/bin/echo":
        raise NotUnderstood("it prints what it is given")
    if not names and options.has("r", "I"):
        return Result()
    results = []
    for words in _calls(command, names, options):
        try:
            results.append(machine.run(replace(call, words=words, stdin=Input())))
        except ImageError:
            results.append(Result(123))
        if len(results) > _MOST_RUN:
            raise NotUnderstood(f"xargs runs more than {_MOST_RUN} commands")
    if any(result.status is None for result in results):
        return Result(None, None)
    outputs = [result.output for result in results]
    known = [each for each in outputs if each is not None]
    status = 123 if any(result.status for result in results) else 0
    return Result(status, b"".join(known) if len(known) == len(outputs) else None)


def _names(text: str, options: Options) -> list[str]:
    if options.has("0"):
        return text.split("\0")[:-1] if text.endswith("\0") else text.split("\0") if text else []
    delimiter = options.value("d")
    if delimiter is not None:
        delimiter = {"\\n": "\n", "\\0": "\0", "\\t": "\t"}.get(delimiter, delimiter)
        if len(delimiter) != 1:
            raise NotUnderstood("the delimiter is not known")
        return text.removesuffix(delimiter).split(delimiter) if text else []
    if any(sign in text for sign in "'\"\\"):
        raise NotUnderstood("its input has quotes")
    if options.has("I"):
        return [line.strip() for line in text.split("\n") if line.strip()]
    return text.split()


def _calls(command: tuple[str, ...], names: list[str], options: Options) -> list[tuple[str, ...]]:
    mark = options.value("I")
    if mark:
        return [tuple(word.replace(mark, name) for word in command) for name in names]
    size = options.value("n")
    if size is None:
        return [(*command, *names)]
    if not re.fullmatch("[1-9][0-9]{0,5}", size):
        raise NotUnderstood(f"{size} is not a number of arguments")
    step = int(size)
    return [(*command, *names[at : at + step]) for at in range(0, len(names), step)] or [command]


COMMANDS = {"xargs": Command(xargs, "content")}

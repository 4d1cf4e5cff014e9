"""The verbs of fromscratch as invoke tasks: `invoke VERB` here is `fromscratch VERB` when installed.

Each task is made from the catalogue of verbs, so that invoke lists and explains it. What the call says is read by our
own parser: invoke can say neither that an operand may be left out or repeated, nor what one verb of a chain means for
the others.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

# Invoke forbids it for task files, and every call would compile the whole package anew.
sys.dont_write_bytecode = False

from invoke.collection import Collection  # noqa: E402
from invoke.parser.argument import Argument  # noqa: E402
from invoke.program import Program  # noqa: E402
from invoke.tasks import Task  # noqa: E402

from fromscratch.cli import main as command  # noqa: E402
from fromscratch.cli.output import errors, streams  # noqa: E402
from fromscratch.cli.parsing.arguments import CommandLine, parse  # noqa: E402
from fromscratch.cli.parsing.records import Option, Verb  # noqa: E402
from fromscratch.cli.verbs.catalogue import VERBS  # noqa: E402
from fromscratch.errors import UsageError  # noqa: E402


class VerbTask(Task):
    """A verb as a task. Of its operands it has as many as this call gives it: invoke insists on every one it has."""

    verb: Verb

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        options = [_option(option, self.verb) for option in (*self.verb.options, *self.verb.shared)]
        return [*_operands(self.verb), *options]


def _argument(option: Option, name: str = "", *, positional: bool = False) -> Argument:
    kind = list if option.repeated and not positional else str if option.value else bool
    return Argument(name=name or option.name, kind=kind, help=option.text, positional=positional)


def _option(option: Option, verb: Verb) -> Argument:
    """For invoke an option has a value or none: one that may stand alone is a switch where it does in this call."""
    values = [request.given for request in LINE.requests if request.verb.name == verb.name]
    stands_alone = bool(option.alone) and any(
        option.alone in given and option.name not in dict(given.get(option.sequence, ())) for given in values
    )
    return _argument(option._replace(value="", repeated=False) if stands_alone else option)


def _operands(verb: Verb) -> Iterator[Argument]:
    operand = verb.operand
    if operand is None:
        return
    written = any(word.partition("=")[0] == operand.flag for word in sys.argv)
    given = next((request.given.get(operand.name) for request in LINE.requests if request.verb.name == verb.name), None)
    if operand.repeated:
        yield from (_argument(operand, f"{operand.name}-{place}", positional=True) for place in range(len(given or ())))
    else:
        yield _argument(operand, positional=given is not None and not written)


def _line() -> CommandLine:
    """What this call of invoke says, as our own command reads it."""
    words = list(_without_options_of_invoke(sys.argv[1:]))
    if not words or words[0] not in VERBS:
        return CommandLine(())
    try:
        line = parse(words, VERBS, ())
    except UsageError as error:
        streams.complain(errors.explained(error))
        sys.exit(error.exit_code)
    return line


def _without_options_of_invoke(words: list[str]) -> Iterator[str]:
    program = Program()
    theirs = {
        f"--{name}" if len(name) > 1 else f"-{name}": argument
        for argument in (*program.core_args(), *program.task_args())
        for name in argument.names
    }
    ours: dict[str, Option] = {}
    rest = iter(words)
    for word in rest:
        if word == "--":
            yield from (word, *rest)
        flag, equals, _ = word.partition("=")
        ours = VERBS[word].flags() if word in VERBS else ours
        if flag not in theirs or flag in ours:
            yield word
        elif theirs[flag].takes_value and not equals:
            next(rest, None)


def _task(verb: Verb) -> VerbTask:
    task = VerbTask(_body(verb), name=verb.name, positional=(), auto_shortflags=False)
    task.verb = verb
    return task


def _body(verb: Verb) -> Callable[..., None]:
    waiting = iter([request for request in LINE.requests if request.verb.name == verb.name])

    def body(_context: object, **_options: Any) -> None:
        code = command.run(LINE, [next(waiting)])
        if code:
            sys.exit(code)

    body.__doc__ = verb.summary
    return body


LINE = _line()
ns = Collection()
for each in VERBS.values():
    ns.add_task(_task(each))

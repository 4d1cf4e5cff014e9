"""Verbs as invoke tasks: for `invoke VERB` in a checkout, for help, and for whatever calls for invoke's own parser."""

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from fromscratch.cli import interruptions
from fromscratch.cli.parsing import argv
from fromscratch.cli.parsing.verb import VERBS, Ended, Verb


class VerbTask(Task[Any]):
    """A task whose operand may be left out or, with `many`, stand any number of times; `argv` tells of them."""

    verb: Verb
    operands_are_ours: ClassVar[bool] = False

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        arguments = super().get_arguments(ignore_unknown_help)
        verb = self.verb
        if verb.many:
            # Invoke has no operand that may be repeated: it gets one for each that was given, unless we keep them.
            count = 0 if VerbTask.operands_are_ours else len(_operands_of(verb))
            return [*(Argument(f"{verb.operands}_{place}", positional=True) for place in range(count)), *arguments]
        if verb.operands and _operands_of(verb):
            # Only a verb that got its operand asks invoke for one: invoke insists on every positional argument.
            for place, argument in enumerate(arguments):
                if argument.attr_name == verb.operands or argument.name == verb.operands:
                    argument.positional = True
                    arguments.insert(0, arguments.pop(place))
        return arguments


def tasks() -> dict[str, VerbTask]:
    """Every verb as a task, by name."""
    return {name: _task(verb) for name, verb in VERBS.items()}


def without_operands(words: Sequence[str]) -> list[str]:
    """What is left for invoke of a command line of which we take the operands of verbs with any number of them."""
    VerbTask.operands_are_ours = True
    return argv.without_operands(words, _shapes())


def _operands_of(verb: Verb) -> list[str]:
    """The operands that this process was given for a verb."""
    return argv.operands(sys.argv, _shapes()).get(verb.name, [])


def _shapes() -> dict[str, argv.Shape]:
    return {name: verb.shape for name, verb in VERBS.items()}


def _task(verb: Verb) -> VerbTask:
    made = VerbTask(
        _body(verb),
        name=verb.name,
        positional=(),
        auto_shortflags=False,
        iterable=verb.repeated,
        help={**verb.shared, **verb.help},
    )
    made.verb = verb
    return made


def _body(verb: Verb) -> Callable[..., None]:
    @functools.wraps(verb.function)
    def body(_context: object, **options: Any) -> None:
        interruptions.heed()
        if verb.many:
            numbered = [name for name in options if name.startswith(f"{verb.operands}_") and name not in verb.own]
            words = tuple(options.pop(name) for name in numbered)
            options[verb.operands] = tuple(_operands_of(verb)) if VerbTask.operands_are_ours else words
        try:
            verb.do(options)
        except Ended as end:
            raise Exit(end.message or None, code=end.code) from end

    body.__signature__ = inspect.Signature(_parameters(verb))  # type: ignore[attr-defined]
    return body


def _parameters(verb: Verb) -> list[inspect.Parameter]:
    # Invoke takes the kind of an option from its default: with () it would make a tuple of each value's letters.
    defaults = {name: None if default == () else default for name, default in verb.own.items()}
    defaults.update({name: None if verb.takes_value(name) else False for name in verb.shared if name not in verb.own})
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [
        inspect.Parameter("context", kind),
        *(inspect.Parameter(name, kind, default=default) for name, default in defaults.items()),
    ]

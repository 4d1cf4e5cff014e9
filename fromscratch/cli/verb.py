"""What makes a function a verb: the options that every verb has, operands, errors, interruption.

A verb is an invoke task, so that `invoke VERB` in a checkout and `fromscratch VERB` when installed
are the same thing. Its function takes a `Call` and its own options.
"""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from fromscratch.cli import argv, streams
from fromscratch.cli.call import Call
from fromscratch.cli.failures import explained, refused
from fromscratch.errors import ImageError, UsageError

_SHARED = {
    "recipe": "FILE, or the name of a shipped recipe (default: ./fromscratch.yaml, else the shipped busybox)",
    "store_dir": "DIR of the store (default: $FROMSCRATCH_STORE, else the user's cache folder)",
    "platform": "linux/ARCH[,linux/ARCH] to build for, instead of the recipe's",
    "output": "DIR of the build (default: build/NAME)",
    "quiet": "say only what was asked for, and errors",
}
INTERRUPTED = 130


class Verb(Task[Any]):
    """A task whose operand may be left out or, with `many`, stand any number of times; `argv` tells of them."""

    operand: str = ""
    many: bool = False
    operands_are_ours: ClassVar[bool] = False

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        arguments = super().get_arguments(ignore_unknown_help)
        if self.many:
            # Invoke has no operand that may be repeated: it gets one for each that was given, unless we keep them.
            count = 0 if Verb.operands_are_ours else len(operands_of(self.name))
            return [*(Argument(f"{self.operand}_{place}", positional=True) for place in range(count)), *arguments]
        if self.operand and operands_of(self.name):
            # Only a verb that got its operand asks invoke for one: invoke insists on every positional argument.
            for place, argument in enumerate(arguments):
                if argument.attr_name == self.operand or argument.name == self.operand:
                    argument.positional = True
                    arguments.insert(0, arguments.pop(place))
        return arguments

    def shape(self) -> argv.Shape:
        flags = {}
        help_texts = dict(self.help)  # invoke takes each text out as it reads it
        for argument in Task.get_arguments(self, ignore_unknown_help=True):
            for name in argument.names:
                flags[f"--{name}"] = bool(argument.takes_value)
        self.help = help_texts
        return argv.Shape(flags, operands=argv.ANY_NUMBER if self.many else 1 if self.operand else 0)


VERBS: dict[str, Verb] = {}


def without_operands(words: Sequence[str]) -> list[str]:
    """What is left for invoke of a command line of which we take the operands of verbs with any number of them."""
    Verb.operands_are_ours = True
    return argv.without_operands(words, _shapes())


def operands_of(verb: str) -> list[str]:
    """The operands that this process was given for a verb."""
    return argv.operands(sys.argv, _shapes()).get(verb, [])


@functools.cache
def _shapes() -> Mapping[str, argv.Shape]:
    return {name: verb.shape() for name, verb in VERBS.items()}


def verb(
    name: str = "",
    *,
    operand: str = "",
    operands: str = "",
    repeated: tuple[str, ...] = (),
    help: Mapping[str, str] | None = None,  # noqa: A002 - invoke's own word for it
    without: tuple[str, ...] = (),
) -> Callable[[Callable[..., None]], Verb]:
    """Make a function a verb. `help` explains its own options; `without` are shared ones it does not have.

    `operand` names the parameter of a bare word, `operands` that of any number of them, as a tuple; options that are
    `repeated` may be given several times, and come as lists.
    """

    def made(function: Callable[..., None]) -> Verb:
        shared = {key: text for key, text in _SHARED.items() if key not in without}
        known_as = name or function.__name__
        known = Verb(
            _task_body(function, known_as, shared, operands),
            name=known_as,
            positional=(),
            auto_shortflags=False,
            iterable=repeated,
            help={**shared, **(help or {})},
        )
        known.operand, known.many = operands or operand, bool(operands)
        VERBS[known.name] = known
        return known

    return made


def _task_body(
    function: Callable[..., None], known_as: str, shared: Mapping[str, str], operands: str
) -> Callable[..., None]:
    own = [each for each in list(inspect.signature(function).parameters.values())[1:] if each.name != operands]
    own_names = {parameter.name for parameter in own}

    @functools.wraps(function)
    def body(_context: object, **options: Any) -> None:
        of_verb = {name: value for name, value in options.items() if name in own_names}
        if operands:
            numbered = [name for name in options if name.startswith(f"{operands}_") and name not in own_names]
            of_verb[operands] = tuple(options.pop(name) for name in numbered)
            if Verb.operands_are_ours:
                of_verb[operands] = tuple(operands_of(known_as))
        given = {name: value for name, value in options.items() if name not in own_names}
        call = Call(
            recipe_name=given.get("recipe") or argv.given(sys.argv, "--recipe"),
            store_name=given.get("store_dir") or argv.given(sys.argv, "--store-dir"),
            platform_names=given.get("platform") or argv.given(sys.argv, "--platform"),
            output_name=given.get("output") or _shared_output(),
            quiet=given.get("quiet") or "--quiet" in argv.body(sys.argv),
            words=argv.remainder(sys.argv),
            environment=os.environ,
        )
        with rendered():
            _sound(function)
            function(call, **of_verb)

    parameters = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        # Invoke takes the kind of an option from its default: with () it would make a tuple of each value's letters.
        *(
            parameter.replace(
                kind=inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=None if parameter.default == () else parameter.default,
            )
            for parameter in own
        ),
        *(
            inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False if key == "quiet" else None)
            for key in shared
            if key not in own_names
        ),
    ]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return body


def _sound(function: Callable[..., None]) -> None:
    """Raises UsageError for what no verb can work with."""
    streams.make_whole()
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current folder is gone: somebody removed it", "go to one that is there") from error
    if argv.remainder(sys.argv) is not None and "run" not in argv.verbs_in(sys.argv, VERBS):
        name = function.__name__.strip("_")
        raise UsageError(f"{name} takes no words after --", "only run does: they are the command to start")


def _shared_output() -> str | None:
    """`--output` of another verb of the chain: the build's folder, unless it is `pack`'s file."""
    return None if "pack" in argv.verbs_in(sys.argv, VERBS) else argv.given(sys.argv, "--output")


class rendered:  # noqa: N801 - read as a word: with rendered():
    """The one place where failures become text and exit codes. A bug keeps its traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ImageError):
            raise Exit(explained(error), code=error.exit_code) from error
        if isinstance(error, KeyboardInterrupt):
            raise Exit("\ninterrupted; the same command goes on from here", code=INTERRUPTED) from error
        if isinstance(error, BrokenPipeError):
            # Whoever read our output has gone (ls | head): stop quietly, as cat does.
            streams.forget_stdout()
            raise Exit(code=0) from error
        if isinstance(error, OSError) and error.errno is not None:
            raise Exit(explained(refused(error)), code=ImageError.exit_code) from error

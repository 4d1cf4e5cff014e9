"""The installed `fromscratch` command: the verbs as one program."""

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from invoke.collection import Collection
from invoke.config import Config
from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from fromscratch import __version__
from fromscratch.cli.output import streams
from fromscratch.cli.output.errors import explained, unwritten
from fromscratch.cli.parsing import argv as words
from fromscratch.cli.parsing import wording
from fromscratch.cli.parsing.task import tasks, without_operands
from fromscratch.cli.parsing.verb import Verb
from fromscratch.cli.verbs.catalogue import VERBS
from fromscratch.nearest import nearest

USAGE = 2
_HELP = """\
Usage: fromscratch VERB [--option …] [VERB …] [-- WORD …]

Verbs are done in the order in which they stand; an option follows its verb."""
_OPTIONS = """\
Options:

  --help [VERB]                      what there is; what a verb's options are
  --version                          the version
  --print-completion-script SHELL    for bash, zsh or fish, to be sourced
"""


def namespace() -> Collection:
    """Every verb, as a collection of invoke tasks."""
    collection = Collection()
    for task in tasks().values():
        collection.add_task(task)
    return collection


class _OwnConfig(Config):
    """Nothing of what a user has told invoke, in /etc/invoke.yaml or ~/.invoke.yaml, is about us."""

    def load_base_conf_files(self) -> None:
        """None."""


class Fromscratch(Program):
    """Invoke's program, but with exit code 2 for a wrong call, and a guess at what was meant."""

    def parse_core(self, argv: list[str] | None) -> None:
        given = without_operands(sys.argv if argv is None else argv)
        with _wrong_call(), _printed():
            super().parse_core(given)
        sys.dont_write_bytecode = False  # invoke forbids it, and every start would compile everything anew

    def parse_tasks(self) -> None:
        with _wrong_call():
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        with _wrong_call(), _printed():
            super().parse_cleanup()

    def print_help(self) -> None:
        """Invoke's own has twenty options of invoke's that mean nothing here."""
        print(_HELP)
        print()
        self.list_tasks()
        print(_OPTIONS)

    def print_task_help(self, name: str) -> None:
        """A verb: how it is called, what it does, its options."""
        verb = VERBS[name]
        operand = f" [{verb.operands.upper()}]" if verb.operands else ""
        operand = f" {verb.operands.upper().removesuffix('S')}…" if verb.many else operand
        print(f"Usage: fromscratch {name}{operand} [--option …]{' [-- WORD …]' if name == 'run' else ''}")
        print(f"\n{inspect.getdoc(verb.function)}")
        if verb.operands in verb.help:
            print(f"\n{verb.operands.upper()}: {verb.help[verb.operands]}")
        print("\nOptions:\n")
        self.print_columns(sorted(_explained(verb)))
        print(f"Example: {wording.EXAMPLES[name]}\n")


def _explained(verb: Verb) -> Iterator[tuple[str, str]]:
    """Each option with the name of its value, and what it is about. The operand has its place in the usage."""
    for flag, parameter in verb.options.items():
        if parameter == verb.operands:
            continue
        name = parameter.strip("_")
        text = verb.help.get(name) or verb.help.get(parameter) or verb.shared[parameter]
        choices = wording.fixed(verb.name, parameter)
        if not all(choice in text for choice in choices):
            text += f": one of {', '.join(choices)}"
        yield f"{flag} {wording.value_name(verb.name, parameter)}" if verb.takes_value(parameter) else flag, text


@contextmanager
def _wrong_call() -> Iterator[None]:
    try:
        yield
    except ParseError as error:
        message = re.sub(
            r"Flag <Argument: (\S+?)_?( \(.*\))?> needed value and was not given one!", _lacking, str(error)
        )
        raise Exit(f"error: {message}\n hint: {_guess(message)}", code=USAGE) from error


def _lacking(found: re.Match[str]) -> str:
    return f"--{found[1].replace('_', '-')} needs a value"


@contextmanager
def _printed() -> Iterator[None]:
    """What invoke prints itself, the help and the version, by the same rules as our answers."""
    ended = None
    try:
        try:
            yield
        except Exit as done:
            ended = done
        sys.stdout.flush()
    except BrokenPipeError:
        streams.forget_stdout()
        raise Exit(code=0) from None
    except OSError as error:
        streams.forget_stdout()
        raise Exit(explained(unwritten(error)), code=1) from error
    if ended and ended.message:
        raise Exit(f"error: {ended.message}\n hint: name one of those", code=USAGE) from ended
    if ended:
        raise ended


def _guess(message: str) -> str:
    """What was probably meant by a word that nothing knows."""
    found = re.search(r"No idea what ('.*'|\".*\") is", message)
    if not found:
        return "`fromscratch --help VERB` lists the options of a verb"
    word, before = found[1][1:-1], words.before(sys.argv, found[1][1:-1])
    verbs = words.verbs_in(before, VERBS)
    have = [verb for verb, known in VERBS.items() if word in known.shape.flags]
    if have and not verbs:
        verb = next((verb for verb in words.verbs_in(sys.argv, VERBS) if verb in have), have[0])
        return f"an option follows its verb, as in: fromscratch {verb} {word}"
    if have:
        return f"{verbs[-1]} has no {word}; it is an option of {', '.join(have)}"
    if verbs and before[-1] in VERBS[verbs[-1]].shape.flags:
        return f"say {before[-1]} once" if before.count(before[-1]) > 1 else f"{before[-1]} takes no value"
    if verbs and before[-1] not in VERBS and before[-2:-1] and before[-2] in before[:-2]:
        return f"say {before[-2]} once"
    options = VERBS[verbs[-1]].shape.flags if verbs else ()
    near = nearest(word, [*(VERBS if not word.startswith("-") else ()), *options])
    if near:
        return f"did you mean {near[0]}?"
    if verbs and verbs[-1] == "run" and not word.startswith("-"):
        return "words for the image follow --, as in: run -- /bin/sh"
    if verbs:
        return f"`fromscratch --help {verbs[-1]}` lists what it takes"
    return "`fromscratch --help` lists the verbs, `--help VERB` the options"


def main(argv: Sequence[str] | None = None) -> Any:
    """The entry point. Exit codes: 0 done; 1 the work failed; 2 the call or the recipe is wrong."""
    program = Fromscratch(
        version=__version__,
        namespace=namespace(),
        name="fromscratch",
        binary="fromscratch",
        binary_names=["fromscratch"],  # in completion scripts too, however it was started
        config_class=_OwnConfig,
    )
    program.run(list(argv) if argv is not None else None)

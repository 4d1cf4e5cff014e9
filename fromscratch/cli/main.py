"""The entry point: reads a command line by the catalogue of verbs and does what it says."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from fromscratch.cli.call import Call
from fromscratch.cli.output import streams
from fromscratch.cli.parsing import mistakes
from fromscratch.cli.parsing.arguments import CommandLine, Request, parse
from fromscratch.cli.parsing.records import Option, loaded
from fromscratch.cli.verbs.catalogue import GENERAL, VERBS
from fromscratch.errors import UsageError
from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words behind the program's name say, by default those that this process was started with.

    Returns the exit code: 0 done; 1 the work failed; 2 the call or the recipe is wrong.
    """
    words = list(sys.argv[1:] if argv is None else argv)

    def work(calls: list[Call]) -> None:
        if words[:2] == ["--complete", "--"]:
            from fromscratch.cli.parsing.completion import candidates

            for word in candidates(words[3:], VERBS, GENERAL):
                streams.say(word)
            return
        line = parse(words, VERBS, GENERAL)
        if line.question or not line.requests:
            streams.say(_answer(*(line.question or ("help", ""))))
        else:
            _perform(line, line.requests, calls)

    return _guarded(work)


def run(line: CommandLine, requests: Sequence[Request]) -> int:
    """Do some of the verbs of a command line that somebody else goes through. Returns the exit code, as `main` does."""
    return _guarded(lambda calls: _perform(line, requests, calls))


def _guarded(work: Callable[[list[Call]], None]) -> int:
    """Do the work, which lists the calls that it does. Failures and interruptions are reported on standard error."""
    calls: list[Call] = []
    try:
        streams.make_whole()
        work(calls)
    except BaseException as error:
        from fromscratch.cli.output.errors import ending

        end = ending(error, calls[-1] if calls else None)
        if end is None:
            raise
        streams.complain(end.text)
        return end.code
    return 0


def _perform(line: CommandLine, requests: Sequence[Request], calls: list[Call]) -> None:
    if all(request.verb.only_reads for request in requests):
        _do(line, requests, calls)
        return
    from fromscratch.cli import interruptions, lean_msgspec

    lean_msgspec.load()
    with interruptions.heeded():
        _do(line, requests, calls)


def _do(line: CommandLine, requests: Sequence[Request], calls: list[Call]) -> None:
    for request in requests:
        call = Call(line, request, os.environ)
        calls.append(call)
        _check(request)
        own = {option.parameter: _value(option, request.given) for option in request.verb.own()}
        loaded(request.verb.run)(call, **own)


def _value(option: Option, given: Mapping[str, Any]) -> Any:
    """What a verb's function gets for an option. Raises UsageError for ~USER where there is no such user.

    A shell replaces only a ~ that a word begins with, and not one behind the = of an option.
    """
    value = given.get(option.sequence or option.name, option.unset)
    if not option.is_path or not value:
        return value
    texts = value if option.repeated else [value]
    if any(text.startswith("~") for text in texts):
        from fromscratch.host.machine.lookup import expanded

        texts = [expanded(text) for text in texts]
    return texts if option.repeated else texts[0]


def _check(request: Request) -> None:
    """Raises UsageError for what no verb can work with."""
    for option in request.verb.flags().values():
        # What a script's unset variable leaves is not the same as no option: another image would be meant.
        if request.given.get(option.name) == "" and option.default is None and not option.may_be_empty:
            raise mistakes.empty(request.verb, option)
    try:
        os.getcwd()  # noqa: PTH109 - pathlib takes longer to load than most calls of closure last
    except FileNotFoundError as error:
        raise UsageError("the current folder is gone: somebody removed it", "go to one that is there") from error


def _answer(question: str, value: str) -> str:
    """The text that a question about the command itself asks for."""
    match question:
        case "version":
            from fromscratch import __version__

            return f"fromscratch {__version__}"
        case "print-completion-script":
            from fromscratch.cli.parsing.completion import script

            return script(value)
        case "print-man-page":
            from fromscratch.cli.output.man_page import man_page

            return man_page(VERBS, GENERAL)
    from fromscratch.cli.output import help_text

    return help_text.of_verb(VERBS[value]) if value else help_text.of_all(VERBS, GENERAL)

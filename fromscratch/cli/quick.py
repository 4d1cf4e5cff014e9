"""The entry point: what a plain command line asks for is done without loading invoke, which costs six starts of Python.

`closure`, which is asked about many files in a row, as ldd is, loads not even the other verbs. Whatever this is not
sure of goes to the whole command line, which has the same verbs with the same answers.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress

from fromscratch.named_tuple import NamedTuple

_VALUED = {"--root": "root", "--search": "search", "--preload": "preload"}


class Asked(NamedTuple):
    """A call of `closure` that needs no further explanation."""

    files: list[str]
    options: dict[str, list[str]]
    json: bool


def asked(words: Sequence[str]) -> Asked | None:
    """The words behind the program's name as a call of `closure`; None for anything that others should look at."""
    if words[:1] != ["closure"] or "--" in words:
        return None
    files: list[str] = []
    options: dict[str, list[str]] = {}
    rest = iter(words[1:])
    for word in rest:
        if word in _VALUED:
            value = next(rest, None)
            if value is None or value.startswith("-"):
                return None
            options.setdefault(_VALUED[word], []).append(value)
        elif word.startswith("-") and word != "--json":
            return None
        elif word != "--json":
            files.append(word)
    once = len(options.get("root", [])) < 2 and words.count("--json") < 2
    # A word without a slash may be the next verb of a chain.
    if not files or not once or not all("/" in file for file in files):
        return None
    return Asked(files, options, "--json" in words)


def main() -> None:
    """Exit codes: 0 done; 1 the work failed; 2 the call is wrong."""
    try:
        call = asked(sys.argv[1:])
        if call is None or not _answered(call):
            _done()
    except (KeyboardInterrupt, RuntimeError) as error:
        from fromscratch.cli import interruptions

        if not interruptions.is_one(error):
            raise
        _fail("\ninterrupted", 130)
    except (OSError, MemoryError, ImportError) as error:  # before a verb has begun: a module cannot be loaded
        from fromscratch.cli.output import errors as failures

        lack = failures.of_the_machine(error) or (failures.refused(error) if isinstance(error, OSError) else None)
        if lack is None:
            raise
        _fail(failures.explained(lack), lack.exit_code)


def _done() -> None:
    """Do what the words say."""
    from fromscratch.cli import interruptions

    interruptions.heed()
    try:
        _do()
    finally:
        interruptions.heed_no_more()


def _do() -> None:
    from fromscratch.cli.output import streams
    from fromscratch.cli.parsing import plain
    from fromscratch.cli.parsing.verb import Ended
    from fromscratch.cli.verbs.catalogue import VERBS

    streams.make_whole()
    if sys.argv[1:3] == ["--complete", "--"]:
        from fromscratch.cli.parsing.completion import candidates

        print("\n".join(candidates(sys.argv[4:], VERBS)))
        return
    calls = plain.calls(sys.argv[1:], VERBS)
    if calls is None:
        from fromscratch.cli.main import main as whole

        whole()
        return
    try:
        for verb, options in calls:
            verb.do(options)
    except Ended as end:
        _fail(end.message, end.code)


def _answered(call: Asked) -> bool:
    """Whether the question was one about links alone, and is answered."""
    from fromscratch.cli.output import streams
    from fromscratch.cli.output.errors import explained, refused
    from fromscratch.cli.verbs import closure_links as closures
    from fromscratch.errors import ImageError

    streams.make_whole()
    options = call.options
    try:
        question = closures.question(
            call.files, options.get("root", ["/"])[0], options.get("search", []), options.get("preload", [])
        )
        if not question.linked:
            return False
        answer = closures.Answer([question.linker.program(path) for path in question.paths])
        _say(answer.facts if call.json else answer.text)
        closures.check(answer.missing, answer.unmet)
    except BrokenPipeError:
        streams.forget_stdout()
    except ImageError as error:
        _fail(explained(error), error.exit_code)
    except OSError as error:
        _fail(explained(refused(error)), ImageError.exit_code)
    return True


def _say(answer: object) -> None:
    if not isinstance(answer, str):
        import json

        answer = json.dumps(answer, indent=1)
    print(answer, flush=True)


def _fail(text: str, code: int) -> None:
    if text:
        with suppress(OSError):  # the exit code is all that can still be told
            print(text, file=sys.stderr)
    sys.exit(code)

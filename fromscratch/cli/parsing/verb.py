"""What makes a function a verb: the options that every verb has, operands, errors, interruption.

A verb is an invoke task (`cli.task`), so that `invoke VERB` in a checkout and `fromscratch VERB` when installed
are the same thing; nothing here loads invoke, since most calls need none. Its function takes a `Call` and
its own options.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fromscratch.cli import interruptions
from fromscratch.cli.call import Call
from fromscratch.cli.output import streams
from fromscratch.cli.output.errors import explained, of_the_machine, refused, with_the_store_in_mind
from fromscratch.cli.parsing import argv
from fromscratch.errors import ImageError, NoRoom, UsageError

_SHARED = {
    "recipe": "FILE, or the name of a shipped recipe (default: ./fromscratch.yaml, else the shipped busybox)",
    "store_dir": "DIR of the store (default: $FROMSCRATCH_STORE, else the user's cache folder)",
    "platform": "linux/ARCH[,linux/ARCH] to build for, instead of the recipe's",
    "output": "DIR of the build (default: build/NAME)",
    "max_expanded": "SIZE that an archive or image may expand to (default: $FROMSCRATCH_MAX_EXPANDED, else 64G)",
    "max_entries": "N entries that one may have (default: $FROMSCRATCH_MAX_ENTRIES, else 1000000)",
    "quiet": "say only what was asked for, and errors",
}
_OF_WHAT_IS_DELIVERED = {"recipe": "FILE, or the name of a shipped recipe (default: ./fromscratch.yaml)"}
CHOSEN = "linux/ARCH[,linux/ARCH] of those that the image is for, where it is for several"
_OF_STORE = ("store_dir", "max_expanded", "max_entries")
INTERRUPTED = 130
# Parameters whose value is a path, or begins with one: a shell replaces only a ~ that a word begins with.
_PATHS = frozenset({"recipe", "store_dir", "output", "root", "stage", "add", "ca", "files"})


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A verb of the command line. `operands` names the parameter of its bare words, of which it takes one, or `many`.

    `shared` are the options of all verbs that it has too; options that are `repeated` may be given several times.
    A verb that `delivers` brings an image elsewhere, under a name that others will trust.
    """

    name: str
    function: Callable[..., None]
    operands: str
    many: bool
    repeated: tuple[str, ...]
    shared: Mapping[str, str]
    help: Mapping[str, str]
    delivers: bool = False
    may_be_empty: tuple[str, ...] = ()

    @cached_property
    def own(self) -> dict[str, Any]:
        """The parameters of its own, each with its default; the operands aside if there may be many."""
        code, defaults = self.function.__code__, self.function.__defaults__ or ()
        names = code.co_varnames[1 : code.co_argcount]
        found = dict(zip(names, defaults, strict=True))
        if self.many:
            del found[self.operands]
        return found

    @cached_property
    def options(self) -> dict[str, str]:
        """Each option as it is written on the command line, and the parameter that it sets."""
        names = [*self.own, *(name for name in self.shared if name not in self.own)]
        return {f"--{name.strip('_').replace('_', '-')}": name for name in names}

    def takes_value(self, name: str) -> bool:
        return name != "quiet" if name not in self.own else not isinstance(self.own[name], bool)

    @cached_property
    def shape(self) -> argv.Shape:
        flags = {flag: self.takes_value(name) for flag, name in self.options.items()}
        return argv.Shape(flags, operands=argv.ANY_NUMBER if self.many else 1 if self.operands else 0)

    def do(self, options: Mapping[str, Any]) -> None:
        """Do it. `options` maps parameters to what was given. Raises Ended for a failure, which it tells."""
        with _told():
            options = {name: _at_home(value) if name in _PATHS else value for name, value in options.items()}
        self._do(options)

    def _do(self, options: Mapping[str, Any]) -> None:
        of_verb = {name: value for name, value in options.items() if name in self.own or name == self.operands}
        if self.many:
            of_verb[self.operands] = tuple(of_verb.get(self.operands, ()))
        given = {name: value for name, value in options.items() if name not in of_verb}
        readers = _readers_of_the_recipe(self, options)
        call = Call(
            recipe_name=given.get("recipe") or argv.given(sys.argv, "--recipe"),
            store_name=given.get("store_dir") or argv.given(sys.argv, "--store-dir"),
            platform_names=given.get("platform") or argv.given(sys.argv, "--platform"),
            max_expanded=given.get("max_expanded") or argv.given(sys.argv, "--max-expanded"),
            max_entries=given.get("max_entries") or argv.given(sys.argv, "--max-entries"),
            output_name=given.get("output") or _shared_output(),
            quiet=given.get("quiet") or "--quiet" in argv.body(sys.argv),
            words=argv.remainder(sys.argv),
            environment=os.environ,
            delivering=next((name for name in readers if VERBS[name].delivers), ""),
            tells_default=readers[:1] in ([], [self.name]),
        )
        with _told(call):
            self._check(options)
            self.function(call, **of_verb)

    def _check(self, options: Mapping[str, Any]) -> None:
        """Raises UsageError for what no verb can work with."""
        streams.make_whole()
        for name, value in options.items():
            # What a script's unset variable leaves is not the same as no option: another image would be meant.
            if value == "" and self.own.get(name, None) is None and name not in self.may_be_empty:
                word = name.strip("_").replace("_", "-")
                said = word.upper() if name == self.operands else f"--{word}"
                raise UsageError(f"{self.name}: {said} is empty", "say what it is to be, or leave it out")
        try:
            Path.cwd()
        except FileNotFoundError as error:
            raise UsageError("the current folder is gone: somebody removed it", "go to one that is there") from error
        if argv.remainder(sys.argv) is not None and "run" not in argv.verbs_in(sys.argv, VERBS):
            raise UsageError(f"{self.name} takes no words after --", "only run does: they are the command to start")


VERBS: dict[str, Verb] = {}


class Ended(Exception):
    """The program is to end with this exit code, and with these words on standard error."""

    def __init__(self, message: str = "", *, code: int) -> None:
        super().__init__(message)
        self.message, self.code = message, code


def verb(
    name: str = "",
    *,
    operand: str = "",
    operands: str = "",
    repeated: tuple[str, ...] = (),
    help: Mapping[str, str] | None = None,  # noqa: A002 - invoke's own word for it
    without: tuple[str, ...] = (),
    delivers: bool = False,
    may_be_empty: tuple[str, ...] = (),
) -> Callable[[Callable[..., None]], Verb]:
    """Make a function a verb. `help` explains its own options; `without` are shared ones it does not have.

    `operand` names the parameter of a bare word, `operands` that of any number of them, as a tuple; options that are
    `repeated` may be given several times, and come as lists. Without `store_dir` it has no option about the store.
    Options that `may_be_empty` mean something as "" too.
    """
    left_out = {*without, *(_OF_STORE if "store_dir" in without else ())}
    shared = {**_SHARED, **(_OF_WHAT_IS_DELIVERED if delivers else {})}

    def made(function: Callable[..., None]) -> Verb:
        known = Verb(
            name=(name or function.__name__).strip("_").replace("_", "-"),
            function=function,
            operands=operands or operand,
            many=bool(operands),
            repeated=repeated,
            shared={key: text for key, text in shared.items() if key not in left_out},
            help=help or {},
            delivers=delivers,
            may_be_empty=may_be_empty,
        )
        VERBS[known.name] = known
        return known

    return made


def _at_home(value: Any) -> Any:
    from fromscratch.host.machine.lookup import expanded

    if isinstance(value, list | tuple):
        return [expanded(each) for each in value]
    return expanded(value) if isinstance(value, str) else value


def _readers_of_the_recipe(verb: Verb, given: Mapping[str, Any]) -> list[str]:
    """The verbs of the chain that are about the recipe, or about its build because no other image is named."""
    shapes = {name: known.shape for name, known in VERBS.items()}
    options, operands = argv.options(sys.argv, shapes), argv.operands(sys.argv, shapes)
    readers = []
    for name, words in operands.items():
        known = VERBS[name]
        named = "--image" in options[name] or (known.operands == "image" and words)
        if known is verb:
            named = bool(given.get("image"))
        if "recipe" in known.shared and not named:
            readers.append(name)
    return readers


def _shared_output() -> str | None:
    """`--output` of another verb of the chain: the build's folder, unless it is the file of `pack` or `pull`."""
    return None if {"pack", "pull"} & set(argv.verbs_in(sys.argv, VERBS)) else argv.given(sys.argv, "--output")


class _told:  # noqa: N801 - read as a word: with _told():
    """The one place where failures become text and exit codes. A bug keeps its traceback."""

    def __init__(self, call: Call | None = None) -> None:
        self._call = call

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ImageError):
            raise Ended(explained(self._fitting(error)), code=error.exit_code) from error
        if interruptions.is_one(error):
            raise Ended("\ninterrupted; the same command goes on from here", code=INTERRUPTED) from error
        if isinstance(error, BrokenPipeError):
            # Whoever read our output has gone (ls | head): stop quietly, as cat does.
            streams.forget_stdout()
            raise Ended(code=0) from error
        if isinstance(error, OSError) and error.errno is not None:
            raise Ended(explained(self._fitting(refused(error))), code=ImageError.exit_code) from error
        if (lack := of_the_machine(error)) is not None:
            raise Ended(explained(lack), code=ImageError.exit_code) from error

    def _fitting(self, error: ImageError) -> ImageError:
        """With the hint that fits, where that depends on the machine, or on where the store lies."""
        from fromscratch.host.storage import os_refusal as said

        if lack := said.of_the_machine(error.__cause__):
            error.hint = lack
        if self._call is None or not isinstance(error, NoRoom):
            return error
        try:
            return with_the_store_in_mind(error, str(self._call.store.root))
        except (OSError, ImageError):
            return error

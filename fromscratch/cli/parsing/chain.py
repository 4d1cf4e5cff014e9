"""What a chain of verbs says to each of them: an option that stands once holds for all, and several read one recipe."""

from collections.abc import Sequence
from typing import NamedTuple

from fromscratch.cli.parsing.arguments import CommandLine, Request


class Settings(NamedTuple):
    """What the shared options of a call are set to (None: not given), and the words after `--`.

    `delivering` is the verb of the chain that brings the recipe's build elsewhere, if one does; `tells_default` is
    whether this verb of a chain is the one to tell that the recipe is the shipped one.
    """

    recipe: str | None
    store_dir: str | None
    platform: str | None
    output: str | None
    max_expanded: str | None
    max_entries: str | None
    quiet: bool
    words: Sequence[str] | None
    delivering: str
    tells_default: bool


def settings(line: CommandLine, request: Request) -> Settings:
    """What holds for one verb of a chain: what it was given itself, else what all others agree about."""
    readers = [each for each in line.requests if _reads_the_recipe(each)]
    return Settings(
        recipe=_said(line, request, "recipe"),
        store_dir=_said(line, request, "store-dir"),
        platform=_said(line, request, "platform"),
        output=_said(line, request, "output"),
        max_expanded=_said(line, request, "max-expanded"),
        max_entries=_said(line, request, "max-entries"),
        quiet=any("quiet" in each.given for each in line.requests),
        words=line.words,
        delivering=next((each.verb.name for each in readers if each.verb.delivers), ""),
        tells_default=not readers or readers[0] is request,
    )


def _said(line: CommandLine, request: Request, name: str) -> str | None:
    """The `--output` of `pack` is the file that it writes, and none of the shared options."""
    givers = [each for each in line.requests if name in each.given and _shares(each, name)]
    values = {each.given[name] for each in givers}
    own: str | None = request.given[name] if request in givers else None
    return own or (values.pop() if len(values) == 1 else None)


def _reads_the_recipe(request: Request) -> bool:
    """Whether it is about the recipe, or about its build because no other image is named."""
    return _shares(request, "recipe") and not request.given.get("image")


def _shares(request: Request, name: str) -> bool:
    return any(option.name == name for option in request.verb.shared)

"""What a chain of verbs says to each of them: an option that stands once holds for all, and several read one recipe."""

from fromscratch.cli.parsing.arguments import CommandLine, Request


def shared(line: CommandLine, request: Request, name: str) -> str | None:
    """The value of a shared option for one verb: what it is given itself, else what all others agree about.

    None if there is none. The `--output` of `pack` is the file that it writes, and none of the shared options.
    """
    givers = [each for each in line.requests if name in each.given and _shares(each, name)]
    values = {each.given[name] for each in givers}
    own: str | None = request.given[name] if request in givers else None
    return own or (values.pop() if len(values) == 1 else None)


def shared_list(line: CommandLine, request: Request, name: str) -> list[str]:
    """The values of a shared option that may be repeated: those that the verb is given itself, else of the others."""
    if name in request.given and _shares(request, name):
        own: list[str] = request.given[name]
        return own
    several = [each.given[name] for each in line.requests if name in each.given and _shares(each, name)]
    return several[0] if several and all(each == several[0] for each in several) else []


def is_quiet(line: CommandLine) -> bool:
    return any("quiet" in each.given for each in line.requests)


def delivering(line: CommandLine) -> str:
    """The verb that brings the recipe's build elsewhere, or nothing."""
    return next((each.verb.name for each in _readers_of_the_recipe(line) if each.verb.delivers), "")


def tells_default(line: CommandLine, request: Request) -> bool:
    """Whether this verb notes that the recipe is the shipped one: the first verb that reads it does."""
    readers = _readers_of_the_recipe(line)
    return not readers or readers[0] is request


def _readers_of_the_recipe(line: CommandLine) -> list[Request]:
    """The verbs that are about the recipe, or about its build because no other image is named."""
    return [each for each in line.requests if _shares(each, "recipe") and not each.given.get("image")]


def _shares(request: Request, name: str) -> bool:
    return any(option.name == name for option in request.verb.shared)

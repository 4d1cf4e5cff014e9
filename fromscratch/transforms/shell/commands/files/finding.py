"""find."""

from fromscratch.transforms.shell.commands.files.find_expression import FindExpression
from fromscratch.transforms.shell.commands.files.find_search import Search
from fromscratch.transforms.shell.machine import Call, Command, Machine, Result

_STARTS = frozenset({"(", ")", "!", ","})


def find(machine: Machine, call: Call) -> Result:
    """find(1); what is in a folder comes in the order of the names."""
    words = [*call.arguments]
    search = Search(machine, call)
    while words and words[0] in ("-H", "-L", "-P"):
        option = words.pop(0)
        search.follow, search.links = option != "-P", option == "-L"
    starts: list[str] = []
    while words and not words[0].startswith("-") and words[0] not in _STARTS:
        starts.append(words.pop(0))
    test = FindExpression(search, words).expression()
    for start in starts or ["."]:
        search.search(start, test)
    for command, names in search.collected:
        if names and not search.run([*command, *names]):
            search.status = 1
    known = [each for each in search.output if each is not None]
    return Result(search.status, b"".join(known) if len(known) == len(search.output) else None)


COMMANDS = {"find": Command(find, "content")}

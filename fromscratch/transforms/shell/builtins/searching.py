"""`command` and `type`: what a name stands for."""

from collections.abc import Mapping

from fromscratch.transforms.shell.builtins.names import BUILTINS as NAMES
from fromscratch.transforms.shell.lookup import PATH, found
from fromscratch.transforms.shell.state import Builtin, Invocation, Shell
from fromscratch.transforms.shell.values import Doubt, Status, raw

_RESERVED = "if then else elif fi do done case esac while until for { } !"
_WORDS = frozenset(_RESERVED.split())


def _where(shell: Shell, name: str) -> str | None:
    if name in shell.functions or name in NAMES or name in _WORDS or name.startswith("db_"):
        return name
    path = shell.get("PATH")
    return found(shell.machine, name, path if isinstance(path, str) else PATH)


def _command(invocation: Invocation) -> Status:
    shell = invocation.shell
    words = list(invocation.words)
    asked = ""
    while words and isinstance(words[0], str) and words[0].startswith("-") and words[0] != "-":
        option = str(words.pop(0))
        if option == "--":
            break
        asked = "V" if "V" in option else "v" if "v" in option else asked
    if not words:
        return 0
    if not asked:
        functions, shell.functions = shell.functions, {}
        try:
            return shell.hooks.words(shell, words)
        finally:
            shell.functions = functions | shell.functions
    name = words[0]
    if isinstance(name, Doubt):
        shell.output().write(name)
        return None
    place = _where(shell, name)
    if place is None:
        return 127
    shell.output().write(raw(f"{place}\n" if asked == "v" else f"{name} is {place}\n"))
    return 0


def _type(invocation: Invocation) -> Status:
    shell = invocation.shell
    status = 0
    for name in invocation.texts():
        if name in ("-p", "-P", "-t", "-a", "-f") and shell.bash:
            continue
        place = _where(shell, name)
        if place is None:
            status = 127
            shell.output().write(raw(f"{name}: not found\n"))
            continue
        shell.output().write(raw(f"{name} is {place}\n" if "/" in place else f"{name} is a shell builtin\n"))
    return status


BUILTINS: Mapping[str, Builtin] = {"command": _command, "type": _type}

"""Scripts of packages, interpreted over a tree: nothing is executed, and what cannot be known is listed."""

from collections.abc import Mapping, Sequence
from typing import get_args

from fromscratch.errors import ImageError
from fromscratch.formats.shell import syntax
from fromscratch.formats.shell.parser import parse
from fromscratch.model.entry import Entry
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.bounds import Budget, TooMuch
from fromscratch.transforms.shell.calling import run_words
from fromscratch.transforms.shell.execution import evaluate, finished, in_subshell, run_command
from fromscratch.transforms.shell.external import known_command, run_call
from fromscratch.transforms.shell.left_out import Matter
from fromscratch.transforms.shell.lookup import PATH, script
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.state import Hooks, Shell
from fromscratch.transforms.shell.streams import Capture, read_file
from fromscratch.transforms.shell.values import Doubt, Exit, Failed, Status, Value, text

_SHELLS = ("sh", "dash", "bash", "ash", "ksh")
_MATTERS = get_args(Matter)
_WHOLE = "the whole script"


def run_script(
    machine: Machine,
    text: str,
    *,
    package: str,
    script: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] = {},
) -> int | None:
    """Do to the machine what a script of a package does, as far as it can be known. Returns how it ends.

    Whatever is not followed is in `machine.left_out`. Raises nothing for anything that a script says.
    """
    machine.package, machine.script, machine.line = package, script, 0
    interpreter, bash = _shebang(text)
    if interpreter not in _SHELLS:
        machine.leave_out(_WHOLE, f"it is a script of {interpreter or 'no interpreter'}, not of a shell", "program")
        return None
    try:
        tree = parse(text)
    except ImageError as error:
        machine.leave_out(_WHOLE, str(error), "program")
        return None
    shell = Shell(machine, Budget(), _Hooks(), f"{package}.{script}", arguments, bash=bash)
    shell.variables.update({"PATH": PATH, "HOME": "/root", "PWD": "/", "OPTIND": "1", **environment})
    shell.exported.update(("PATH", "HOME", "PWD", *environment))
    if "e" in _options(text):
        shell.options.add("e")
    machine.run = lambda call: run_call(shell, call, known_command(call.words[0]))
    try:
        return finished(shell, lambda: _noted(shell, tree))
    except TooMuch as reason:
        machine.leave_out("the rest of the script", str(reason), "program")
    except RecursionError:
        machine.leave_out("the rest of the script", "it nests too deep", "program")
    return None


def _noted(shell: Shell, tree: syntax.Sequence) -> Status:
    try:
        return evaluate(shell, tree)
    except Failed as failed:
        shell.machine.leave_out("the rest of the script", failed.why, "program")
        raise
    except Exit as ending:
        if ending.status:
            shell.machine.leave_out("the rest of the script", f"it ends with status {ending.status} here", "program")
        raise


def _shebang(text: str) -> tuple[str, bool]:
    """The interpreter that the first line names, and whether it is bash."""
    words = text.partition("\n")[0].removeprefix("#!").split() if text.startswith("#!") else ["sh"]
    if words and words[0].endswith("/env"):
        words = words[1:]
    name = words[0].rpartition("/")[2] if words else ""
    return name, name == "bash"


def _options(text: str) -> str:
    words = text.partition("\n")[0].split() if text.startswith("#!") else []
    return "".join(word[1:] for word in words[1:] if word.startswith("-"))


class _Hooks(Hooks):
    """The interpreter for the builtins and commands that call it."""

    def __init__(self) -> None:
        self.evaluate = evaluate
        self.read = parse
        self.words = _run_words
        self.script = _run_tree_script


def _run_words(shell: Shell, words: list[Value]) -> Status:
    return run_words(shell, words, " ".join(word if isinstance(word, str) else "…" for word in words), run_command)


def _run_tree_script(shell: Shell, path: str, call: Call) -> Result | None:
    """Interpret a script of the tree, `sh FILE` or `sh -c TEXT`."""
    name = path.rpartition("/")[2]
    if name in _SHELLS and call.folder is not None:
        return _run_shell(shell, name, call)
    found = script(shell.machine, path if path.startswith("/") else call.path(path))
    if found is None or found[0] not in _SHELLS:
        return None
    return _interpreted(
        shell, found[1], path, call.arguments, call, bash=found[0] == "bash", options=_options(found[1])
    )


def _run_shell(shell: Shell, name: str, call: Call) -> Result | None:
    words = list(call.arguments)
    options = ""
    while words and words[0][:1] in ("-", "+") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        options += option[1:]
    bash = name == "bash"
    if "c" in options:
        if not words:
            return Result(2)
        code, *rest = words
        return _interpreted(shell, code, rest[0] if rest else name, rest[1:], call, bash=bash, options=options)
    if not words:
        return _interpreted(shell, text(call.read()), name, (), call, bash=bash, options=options)
    data = read_file(shell.machine, call.path(words[0]))
    if isinstance(data, Doubt):
        raise NotUnderstood(data.why)
    return _interpreted(shell, text(data), words[0], words[1:], call, bash=bash, options=options)


def _interpreted(
    shell: Shell, code: str, name: str, arguments: Sequence[str], call: Call, *, bash: bool, options: str
) -> Result:
    try:
        tree = parse(code)
    except ImageError as error:
        raise NotUnderstood(str(error)) from error
    inner = Shell(shell.machine, shell.budget, shell.hooks, name, arguments, bash=bash)
    inner.variables.update({"OPTIND": "1", **call.environment})
    inner.exported.update(call.environment)
    inner.folder, inner.umask, inner.lines_known = call.folder, call.umask, False
    inner.options.update(letter for letter in "eufax" if letter in options)
    inner.descriptors[0] = call.stdin
    capture = Capture(shell.budget)
    inner.descriptors[1] = capture
    before, entries = len(shell.machine.left_out), shell.machine.tree.entries()
    status = in_subshell(inner, lambda: evaluate(inner, tree))
    if "c" not in options:
        _check_whole(shell.machine, before, entries)
    value = capture.value()
    return Result(status, None if isinstance(value, Doubt) else value)


def _check_whole(machine: Machine, before: int, entries: Mapping[TreePath, Entry]) -> None:
    """A script of the tree is followed whole or not at all: half of what it makes is worse than nothing.

    A database of which the tables are missing, for example, is not made when a container starts. Raises NotUnderstood.
    """
    inside = list(machine.left_out)[before:]
    if not inside:
        return
    for each in inside:
        del machine.left_out[each]
    gravest = min(inside, key=lambda each: _MATTERS.index(each.matter))
    if gravest.matter == "cache":
        return
    machine.tree.restore(entries)
    raise NotUnderstood(f"it needs {gravest.command}: {gravest.why}")

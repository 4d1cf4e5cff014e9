"""Builtins that change which command is next: XCU 2.15."""

from collections.abc import Callable, Mapping

from fromscratch.errors import ImageError
from fromscratch.transforms.shell.state import Builtin, Invocation, Shell
from fromscratch.transforms.shell.streams import read_file
from fromscratch.transforms.shell.values import Break, Doubt, Doubtful, Exit, Fault, Return, Status, text

_LIBRARIES = ("/usr/share/debconf/confmodule", "/usr/share/debconf/confmodule.sh")
"""What these define are commands of the catalogue."""
_NOTHING = ("wait", "times", "kill", "jobs", "fg", "bg", "ulimit", "hash", "alias", "unalias", "shopt")
"""What concerns processes and terminals, of which there are none."""


def _true(invocation: Invocation) -> Status:
    return 0


def _false(invocation: Invocation) -> Status:
    return 1


def _status(invocation: Invocation) -> Status:
    shell = invocation.shell
    if not invocation.words:
        return shell.status
    word = invocation.words[0]
    if isinstance(word, Doubt):
        return None
    if not word.isdigit():
        raise Fault(f"{invocation.name}: Illegal number: {word[:40]}")
    return int(word[-9:]) & 0xFF


def _exit(invocation: Invocation) -> Status:
    raise Exit(_status(invocation))


def _return(invocation: Invocation) -> Status:
    raise Return(_status(invocation))


def _break(invocation: Invocation) -> Status:
    (level,) = invocation.texts()[:1] or ["1"]
    if not level.isdigit() or not int(level[:9]):
        raise Fault(f"{invocation.name}: Illegal number: {level[:40]}")
    if not invocation.shell.loops:
        return 0
    raise Break(int(level[:9]), invocation.name == "continue")


def _eval(invocation: Invocation) -> Status:
    shell = invocation.shell
    code = " ".join(invocation.texts())
    try:
        tree = shell.hooks.read(code)
    except ImageError as error:
        raise Fault(f"eval: {error}") from error
    return _evaluated(shell, tree_known=False, run=lambda: shell.hooks.evaluate(shell, tree))


def _evaluated(shell: Shell, *, tree_known: bool, run: Callable[[], Status]) -> Status:
    before, shell.lines_known = shell.lines_known, tree_known
    try:
        return run()
    finally:
        shell.lines_known = before


def _dot(invocation: Invocation) -> Status:
    """`.`: run the commands of a file of the tree in this shell."""
    shell = invocation.shell
    name, *arguments = invocation.texts() or [""]
    if name in _LIBRARIES:
        return 0
    command = f"{invocation.name} {name}"
    try:
        data = read_file(shell.machine, shell.path(name))
        if isinstance(data, Doubt):
            raise Doubtful(data)
        tree = shell.hooks.read(text(data))
    except ImageError as error:
        shell.machine.leave_out(command, str(error), "content")
        shell.complete = False
        return None
    positional = shell.positional
    if arguments and shell.bash:
        shell.positional = list(arguments)
    status: Status
    try:
        status = _evaluated(shell, tree_known=False, run=lambda: shell.hooks.evaluate(shell, tree))
    except Return as returning:
        status = returning.status
    finally:
        if arguments and shell.bash:
            shell.positional = positional
    return status


def _exec(invocation: Invocation) -> Status:
    raise Exit(invocation.shell.hooks.words(invocation.shell, invocation.words))


def _trap(invocation: Invocation) -> Status:
    """`trap`: what runs when the shell ends. Signals do not come."""
    words = invocation.texts()
    if words[:1] == ["--"]:
        del words[0]
    if not words:
        return 0
    action, *conditions = words if len(words) > 1 and not words[0].isdigit() else ["-", *words]
    for condition in conditions:
        if condition.upper().removeprefix("SIG") in ("EXIT", "0"):
            if action in ("-", ""):
                invocation.shell.traps.pop("EXIT", None)
            else:
                invocation.shell.traps["EXIT"] = action
    return 0


def _umask(invocation: Invocation) -> Status:
    shell = invocation.shell
    words = [word for word in invocation.texts() if word != "-S"]
    if not words:
        shell.output().write(f"{shell.umask:04o}\n".encode())
        return 0
    mask = words[0]
    if mask.isdigit() and len(mask) < 6 and not set(mask) & set("89"):
        shell.umask = int(mask, 8) & 0o777
        return 0
    for clause in mask.split(","):
        _symbolic(shell, clause)
    return 0


def _symbolic(shell: Shell, clause: str) -> None:
    at = next((at for at, c in enumerate(clause) if c in "+-="), None)
    if at is None or set(clause[:at]) - set("ugoa") or set(clause[at + 1 :]) - set("rwx"):
        raise Fault(f"umask: Illegal mode: {clause[:40]}")
    bits = sum({"r": 4, "w": 2, "x": 1}[c] for c in set(clause[at + 1 :]))
    who = set(clause[:at]) or {"a"}
    whole = sum({"u": 0o100, "g": 0o010, "o": 0o001, "a": 0o111}[c] for c in (who if "a" not in who else {"a"}))
    allowed = ~shell.umask & 0o777
    match clause[at]:
        case "+":
            allowed |= bits * whole
        case "-":
            allowed &= ~(bits * whole)
        case _:
            allowed = (allowed & ~(7 * whole)) | bits * whole
    shell.umask = ~allowed & 0o777


BUILTINS: Mapping[str, Builtin] = {
    ":": _true,
    "true": _true,
    "false": _false,
    "exit": _exit,
    "return": _return,
    "break": _break,
    "continue": _break,
    "eval": _eval,
    ".": _dot,
    "source": _dot,
    "exec": _exec,
    "trap": _trap,
    "umask": _umask,
    **dict.fromkeys(
        ("wait", "times", "kill", "jobs", "fg", "bg", "ulimit", "hash", "alias", "unalias", "shopt"), _true
    ),
}

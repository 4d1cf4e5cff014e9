"""Builtins that set variables and options."""

from collections.abc import Mapping

from fromscratch.transforms.shell import arithmetic
from fromscratch.transforms.shell.state import Builtin, Invocation, Shell
from fromscratch.transforms.shell.values import Doubt, Doubtful, Fault, Status

_OPTIONS = {
    "errexit": "e",
    "nounset": "u",
    "noglob": "f",
    "xtrace": "x",
    "allexport": "a",
    "noclobber": "C",
    "noexec": "n",
    "verbose": "v",
    "monitor": "m",
    "notify": "b",
    "ignoreeof": "I",
    "pipefail": "",
    "posix": "",
}


def _names(invocation: Invocation) -> list[str]:
    names = [word for word in invocation.texts() if not word.startswith("-") or word == "-"]
    for name in names:
        if not name.isidentifier() and name != "-":
            raise Fault(f"{invocation.name}: {name[:40]}: bad variable name")
    return names


def _export(invocation: Invocation) -> Status:
    shell = invocation.shell
    options = [word for word in invocation.texts() if word.startswith("-")]
    for name in _names(invocation):
        if name in invocation.assigned:
            shell.set(name, invocation.assigned[name])
        if invocation.name == "readonly":
            shell.readonly.add(name)
        elif "-n" in options:
            shell.exported.discard(name)
        else:
            shell.exported.add(name)
    return 0


def _local(invocation: Invocation) -> Status:
    shell = invocation.shell
    options = "".join(word[1:] for word in invocation.texts() if word.startswith("-"))
    if set(options) & set("aAn"):
        raise Doubtful(Doubt("arrays and references of bash are not followed"))
    for name in _names(invocation):
        if name == "-":
            continue
        if shell.scopes and "g" not in options:
            shell.save(name)
            if shell.bash and name not in invocation.assigned:
                shell.variables.pop(name, None)
        if name in invocation.assigned:
            shell.set(name, invocation.assigned[name])
        if "x" in options:
            shell.exported.add(name)
        if "r" in options and not shell.scopes:
            shell.readonly.add(name)
    return 0


def _unset(invocation: Invocation) -> Status:
    shell = invocation.shell
    functions = False
    for word in invocation.texts():
        if word in ("-f", "-v"):
            functions = word == "-f"
        elif functions:
            shell.functions.pop(word, None)
        else:
            shell.unset(word)
    return 0


def _set(invocation: Invocation) -> Status:
    shell = invocation.shell
    words = list(invocation.words)
    while words:
        word = words[0]
        if isinstance(word, Doubt) or word[:1] not in ("-", "+") or word in ("-", "+"):
            break
        del words[0]
        if word == "--":
            shell.positional = words
            return 0
        for letter in word[1:]:
            if letter == "o":
                if words:
                    _option(shell, word[0], str(words.pop(0)))
            else:
                _change(shell, word[0], letter)
    if words:
        shell.positional = words
    return 0


def _option(shell: Shell, sign: str, name: str) -> None:
    if name not in _OPTIONS:
        raise Fault(f"set: Illegal option {sign}o {name[:40]}")
    if _OPTIONS[name]:
        _change(shell, sign, _OPTIONS[name])


def _change(shell: Shell, sign: str, letter: str) -> None:
    (shell.options.add if sign == "-" else shell.options.discard)(letter)


def _shift(invocation: Invocation) -> Status:
    shell = invocation.shell
    (count,) = invocation.texts()[:1] or ["1"]
    if not count.isdigit():
        raise Fault(f"shift: Illegal number: {count[:40]}")
    if int(count[:9]) > len(shell.positional):
        if any(isinstance(value, Doubt) for value in shell.positional):
            raise Doubtful(Doubt("the arguments are not known"))
        if shell.bash:
            return 1
        raise Fault("shift: can't shift that many")
    shell.positional = shell.positional[int(count[:9]) :]
    return 0


def _let(invocation: Invocation) -> Status:
    shell = invocation.shell
    value = 0
    for word in invocation.texts():
        value = arithmetic.evaluated(word, shell.text, shell.set)
    return int(not value)


def _getopts(invocation: Invocation) -> Status:
    """`getopts optstring name [argument…]`: XCU 4."""
    shell = invocation.shell
    spec, name, *arguments = invocation.texts() if len(invocation.words) > 1 else ["", "?"]
    if name == "?":
        raise Fault("getopts: usage: getopts optstring var [arg]")
    if not arguments:
        if doubt := next((value for value in shell.positional if isinstance(value, Doubt)), None):
            raise Doubtful(doubt)
        arguments = [str(value) for value in shell.positional]
    index = int(shell.text("OPTIND") or "1") - 1
    inside = shell.option_at
    if index >= len(arguments) or (not inside and (arguments[index][:1] != "-" or arguments[index] == "-")):
        return _no_more(shell, name, index)
    if not inside:
        if arguments[index] == "--":
            return _no_more(shell, name, index + 1)
        inside = 1
    word = arguments[index]
    letter = word[inside]
    inside += 1
    rest = word[inside:]
    if not rest:
        index, inside = index + 1, 0
    silent = spec.startswith(":")
    argument: str | None = None
    found = letter
    if letter == ":" or letter not in spec:
        found, argument = "?", letter if silent else None
    elif spec[spec.index(letter) + 1 : spec.index(letter) + 2] == ":":
        if rest:
            argument, index, inside = rest, index + 1, 0
        elif index < len(arguments):
            argument, index = arguments[index], index + 1
        else:
            found, argument = (":", letter) if silent else ("?", None)
    shell.set("OPTIND", str(index + 1))
    shell.option_at = inside
    shell.set(name, found)
    if argument is None and found == "?":
        shell.variables.pop("OPTARG", None)
    else:
        shell.set("OPTARG", argument or "")
    return 0


def _no_more(shell: Shell, name: str, index: int) -> Status:
    shell.set("OPTIND", str(index + 1))
    shell.set(name, "?")
    shell.variables.pop("OPTARG", None)
    return 1


BUILTINS: Mapping[str, Builtin] = {
    "export": _export,
    "readonly": _export,
    "local": _local,
    "declare": _local,
    "typeset": _local,
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "let": _let,
    "getopts": _getopts,
}

"""Whether a command reads its standard input, as its arguments say."""

from collections.abc import Mapping, Sequence

from fromscratch.transforms.shell.builtins.names import PREFIXES, READERS

_ALWAYS = frozenset({"chpasswd", "debconf-communicate", "tee", "tr", "xargs"})
_GREP = "efmABC"
_AWK = "Ffv"
_VALUED: Mapping[str, str] = {
    "awk": _AWK,
    "base64": "w",
    "cut": "bcdf",
    "egrep": _GREP,
    "fgrep": _GREP,
    "fmt": "wgp",
    "fold": "w",
    "grep": _GREP,
    "head": "nc",
    "iconv": "fto",
    "mawk": _AWK,
    "nl": "bdfhilnsvw",
    "od": "AjNtSw",
    "openssl": "",
    "paste": "d",
    "sed": "efl",
    "sort": "ktoST",
    "split": "abClnt",
    "tail": "ncs",
    "uniq": "fsw",
}
"""The letters of options that take a value, which may be a word of its own."""
_LONG_VALUED = frozenset(
    [
        "--bytes",
        "--characters",
        "--delimiter",
        "--delimiters",
        "--expression",
        "--field-separator",
        "--fields",
        "--file",
        "--from-code",
        "--key",
        "--lines",
        "--max-count",
        "--output",
        "--output-delimiter",
        "--regexp",
        "--to-code",
        "--width",
        "--wrap",
    ]
)
_PROGRAM_FIRST = frozenset({"awk", "egrep", "fgrep", "grep", "mawk", "perl", "sed"})
_PROGRAM_OPTIONS = ("e", "f", "--expression", "--regexp", "--file")


def reads_input(name: str, arguments: Sequence[str]) -> bool:
    """Whether a command that may read its input does so, given these arguments."""
    if name in _ALWAYS:
        return True
    if name == "java":
        return "-jar" in arguments
    if name in PREFIXES:
        behind = next((at for at, word in enumerate(arguments) if word in READERS), len(arguments))
        return behind < len(arguments) and reads_input(arguments[behind], arguments[behind + 1 :])
    options, operands = _split(arguments, _VALUED.get(name, ""))
    if "-" in operands or "/dev/stdin" in operands:
        return True
    if name.endswith("grep") and options & {"r", "R", "--recursive"}:
        return False
    own = 1 if name in _PROGRAM_FIRST and not options & {*_PROGRAM_OPTIONS} else 0
    return len(operands) <= own


def _split(arguments: Sequence[str], valued: str) -> tuple[set[str], list[str]]:
    """The options by letter or long name, without their values, and the operands."""
    options: set[str] = set()
    operands: list[str] = []
    pending = [*reversed(arguments)]
    while pending:
        word = pending.pop()
        if word == "--":
            return options, operands + pending[::-1]
        if word.startswith("--"):
            options.add(word.partition("=")[0])
            if word in _LONG_VALUED and pending:
                pending.pop()
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            place = next((at for at, letter in enumerate(letters) if letter in valued), None)
            options.update(letters[: len(letters) if place is None else place + 1])
            if place == len(letters) - 1 and pending:
                pending.pop()
        else:
            operands.append(word)
    return options, operands

"""`echo`, `printf` and `pwd`."""

import re
from collections.abc import Mapping

from fromscratch.transforms.shell.bounds import TooMuch
from fromscratch.transforms.shell.state import Builtin, Invocation
from fromscratch.transforms.shell.values import Doubt, Status, raw

_CONVERSION = re.compile(r"%([-+ 0#]*)(\*|[0-9]{1,18})?(?:\.(\*|[0-9]{0,18}))?([a-zA-Z%])", re.DOTALL)
_WIDEST = 10_000
_ESCAPE = re.compile(r"\\(0[0-7]{0,3}|[0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def escapes(text: str, *, echo: bool) -> tuple[str, bool]:
    """A text with its backslash sequences read, and whether `\\c` ends all output there."""
    out: list[str] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        if found.start() < at:
            continue
        out.append(text[at : found.start()])
        at = found.end()
        code = found[1]
        if code == "c":
            return "".join(out), True
        if code[0] in "01234567":
            digits = code
            if code[0] == "0" and echo:
                digits = code[1:]
            elif len(code) > 3:
                digits, at = code[:3], at - 1
            out.append(bytes([int(digits or "0", 8) & 0xFF]).decode("utf-8", "surrogateescape"))
        elif code[0] == "x" and len(code) > 1:
            out.append(bytes([int(code[1:], 16)]).decode("utf-8", "surrogateescape"))
        else:
            out.append(_SIMPLE.get(code, found[0]))
    out.append(text[at:])
    return "".join(out), False


def _echo(invocation: Invocation) -> Status:
    shell = invocation.shell
    words = list(invocation.words)
    newline, read = True, not shell.bash
    while words and isinstance(words[0], str) and re.fullmatch("-n" if not shell.bash else "-[neE]+", words[0]):
        option = str(words.pop(0))
        newline = newline and "n" not in option
        if shell.bash:
            read = "e" in option
        else:
            break
    if doubt := next((word for word in words if isinstance(word, Doubt)), None):
        shell.output().write(doubt)
        return 0
    text, ended = " ".join(str(word) for word in words), False
    if read and "\\" in text:
        text, ended = escapes(text, echo=True)
    shell.output().write(raw(text + ("\n" if newline and not ended else "")))
    return 0


def _printf(invocation: Invocation) -> Status:
    shell = invocation.shell
    words = list(invocation.words)
    if words[:1] == ["--"]:
        del words[0]
    if doubt := next((word for word in words if isinstance(word, Doubt)), None):
        shell.output().write(doubt)
        return 0
    if not words:
        return 2
    form, *arguments = [str(word) for word in words]
    out, status = formatted(form, arguments)
    shell.budget.output(len(out))
    shell.output().write(raw(out))
    return status


def formatted(form: str, arguments: list[str]) -> tuple[str, int]:
    """What `printf` writes, and its status: XCU printf."""
    out: list[str] = []
    status = 0
    left = list(arguments)
    while True:
        before = len(left)
        at = 0
        for found in _CONVERSION.finditer(form):
            if found.start() < at:
                continue
            text, ended = escapes(form[at : found.start()], echo=False)
            out.append(text)
            if ended:
                return "".join(out), status
            at = found.end()
            if found[4] == "%":
                out.append("%")
                continue
            converted, bad, ended = _converted(found, left)
            out.append(converted)
            status = status or bad
            if ended:
                return "".join(out), status
        text, ended = escapes(form[at:], echo=False)
        out.append(text)
        if ended or not left or len(left) == before:
            return "".join(out), status


def _converted(found: "re.Match[str]", left: list[str]) -> tuple[str, int, bool]:
    """One conversion: its text, 1 for an argument that is not a number, and whether output ends."""
    flags, width, precision, kind = found[1], found[2], found[3], found[4]
    if width == "*":
        wide = _integer(left.pop(0) if left else "0")[0]
        flags, width = flags + "-" * (wide < 0), str(abs(wide))
    if precision == "*":
        digits = _integer(left.pop(0) if left else "0")[0]
        precision = str(digits) if digits >= 0 else None
    if max(int(width or 0), int(precision or 0)) > _WIDEST:
        raise TooMuch(f"printf fills more than {_WIDEST} characters")
    tail = f".{precision or 0}" if precision is not None else ""
    width = width or ""
    argument = left.pop(0) if left else None
    if kind in "sbc":
        text, ended = escapes(argument or "", echo=True) if kind == "b" else (argument or "", False)
        if kind == "c":
            text = text[:1]
        flags = "".join(c for c in flags if c == "-")
        return f"%{flags}{width}{tail}s" % text, 0, ended
    if kind in "diouxX":
        value, bad = _integer(argument or "0")
        if kind in "ouxX" and value < 0:
            value += 1 << 64
        if kind == "u":
            kind = "d"
        if "#" in flags and kind == "o":
            flags, kind, tail = flags.replace("#", ""), "s", ""
            return f"%{flags}{width}s" % f"0{value:o}", bad, False
        return f"%{flags}{width}{tail}{kind}" % value, bad, False
    if kind in "eEfFgG":
        try:
            return f"%{flags}{width}{tail}{kind}" % float(argument or "0"), 0, False
        except ValueError:
            return f"%{flags}{width}{tail}{kind}" % 0.0, 1, False
    return found[0], 1, False


def _integer(text: str) -> tuple[int, int]:
    """The number that an argument begins with, and 1 if it is not one."""
    text = text.strip()
    if text[:1] in ("'", '"') and len(text) > 1:
        return ord(text[1]), 0
    found = re.match(r"([-+]?)(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})", text)
    if not found:
        return 0, 1
    digits = found[2]
    try:
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        value = int(digits, base)
    except ValueError:
        return 0, 1
    return -value if found[1] == "-" else value, int(found.end() != len(text))


def _pwd(invocation: Invocation) -> Status:
    folder = invocation.shell.folder
    invocation.shell.output().write(folder if isinstance(folder, Doubt) else raw(f"{folder}\n"))
    return 0


BUILTINS: Mapping[str, Builtin] = {"echo": _echo, "printf": _printf, "pwd": _pwd}

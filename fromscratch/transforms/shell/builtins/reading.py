"""`read` and `cd`."""

from collections.abc import Mapping

from fromscratch.errors import ImageError
from fromscratch.model.entry import Directory
from fromscratch.transforms.shell.state import Builtin, Invocation, Shell
from fromscratch.transforms.shell.values import Fault, Status, text

_BLANK = " \t\n"


def _read(invocation: Invocation) -> Status:
    """`read [-r] [-p prompt] name…`: XCU 4."""
    shell = invocation.shell
    words = invocation.texts()
    plain = False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        plain = plain or "r" in option
        if option[-1] in "ptdnNu" and words:
            words.pop(0)
    names = words or ["REPLY"]
    source = shell.input()
    if source.doubt is not None:
        for name in names:
            shell.set(name, source.doubt)
        return None
    line, complete = _line(shell, plain)
    values = _divided(line, len(names), shell.text("IFS") if shell.get("IFS") is not None else _BLANK)
    for name, value in zip(names, values, strict=True):
        if not name.isidentifier():
            raise Fault(f"read: {name[:40]}: bad variable name")
        shell.set(name, value)
    return int(not complete)


def _line(shell: Shell, plain: bool) -> tuple[list[tuple[str, bool]], bool]:
    """The characters of a line, each with whether a backslash stood before it, and whether a newline ended it."""
    characters: list[tuple[str, bool]] = []
    while True:
        data = text(shell.input().line())
        ended = data.endswith("\n")
        data = data[: len(data) - ended]
        if plain:
            characters.extend((c, False) for c in data)
            return characters, ended
        escaped = False
        for c in data:
            if c == "\\" and not escaped:
                escaped = True
                continue
            characters.append((c, escaped))
            escaped = False
        if not escaped or not ended:
            return characters, ended


def _divided(line: list[tuple[str, bool]], count: int, separators: str) -> list[str]:
    """The fields for `count` variables; the last has all that is left."""
    blank = [c for c in separators if c in _BLANK]

    def is_blank(at: int) -> bool:
        return at < len(line) and not line[at][1] and line[at][0] in blank

    def separates(at: int) -> bool:
        return at < len(line) and not line[at][1] and line[at][0] in separators

    fields: list[str] = []
    at = 0
    while is_blank(at):
        at += 1
    while len(fields) < count - 1 and at < len(line):
        begin = at
        while at < len(line) and not separates(at):
            at += 1
        fields.append("".join(c for c, _ in line[begin:at]))
        while is_blank(at):
            at += 1
        if separates(at) and not is_blank(at):
            at += 1
            while is_blank(at):
                at += 1
    end = len(line)
    while end > at and is_blank(end - 1):
        end -= 1
    if len(fields) < count:
        rest = line[at:end]
        # One separator alone at the end of the last field belongs to nothing.
        if rest and not rest[-1][1] and rest[-1][0] in separators and rest[-1][0] not in blank:
            inner = [c for c, escaped in rest[:-1] if not escaped and c in separators and c not in blank]
            if not inner:
                rest = rest[:-1]
                while rest and not rest[-1][1] and rest[-1][0] in blank:
                    rest = rest[:-1]
        fields.append("".join(c for c, _ in rest))
    return fields + [""] * (count - len(fields))


def _cd(invocation: Invocation) -> Status:
    shell = invocation.shell
    words = [word for word in invocation.texts() if word not in ("-P", "-L", "--", "-e")]
    target = words[0] if words else shell.text("HOME") or "/root"
    if target == "-":
        target = shell.text("OLDPWD") or shell.place()
    try:
        place = _logical(shell.path(target))
        if not isinstance(shell.machine.tree.find(place), Directory):
            return 2 if not shell.bash else 1
    except ImageError:
        return 2 if not shell.bash else 1
    shell.variables["OLDPWD"] = shell.folder
    shell.folder = place
    shell.variables["PWD"] = place
    return 0


def _logical(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part and part != ".":
            parts.append(part)
    return "/" + "/".join(parts)


BUILTINS: Mapping[str, Builtin] = {"read": _read, "cd": _cd}

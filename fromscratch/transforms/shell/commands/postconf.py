"""postconf(1), as far as scripts use it: parameters of Postfix's main.cf read and set in the file."""

import re
from collections.abc import Iterator

from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, Meta
from fromscratch.paths import decode
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.tree_files import regular_file

_FOLDER = "/etc/postfix"
_LONGEST = 1 << 20
_PARAMETER = re.compile(r"(?P<name>[A-Za-z0-9_]+)[ \t\r\f\v]*=[ \t\r\f\v]*(?P<value>.*)", re.DOTALL)


def postconf(machine: Machine, call: Call) -> Result:
    """Set (`-e NAME=VALUE`), comment out (`-#`), remove (`-X`) or print (`-h NAME`) parameters of main.cf."""
    flags, folder, words = "", _FOLDER, list(call.arguments)
    while words and words[0].startswith("-") and "=" not in words[0]:
        word = words.pop(0)
        if word == "-c" and words:
            folder = call.path(words.pop(0))
        else:
            flags += word[1:]
    path = f"{folder}/main.cf"
    match flags.replace("v", ""):
        case "e" | "" if words and all("=" in word for word in words):
            return _changed(machine, path, dict(_assignment(word) for word in words))
        case "#" | "X" if words:
            return _without(machine, path, set(words), comment=flags == "#")
        case "h" | "hx" | "xh" if words:
            return _values(machine, path, words)
    raise NotUnderstood(f"postconf -{flags} is not known")


def _assignment(word: str) -> tuple[str, str]:
    found = _PARAMETER.fullmatch(word.strip())
    if found is None:
        raise NotUnderstood(f"{word!r} is not a parameter and its value")
    return found["name"], " ".join(found["value"].split("\n")).strip()


def _read(machine: Machine, path: str) -> tuple[File, list[str]]:
    entry = regular_file(machine, path, _LONGEST)
    return entry, decode(read(entry.content)).splitlines()


def _parameters(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each line, and the parameter that it is of, or "".

    A line that begins with a blank continues the parameter above it, also past comments and empty lines.
    """
    name = ""
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            yield "", line
            continue
        if not line[0].isspace():
            found = _PARAMETER.match(line)
            name = found["name"] if found else ""
        yield name, line


def _write(machine: Machine, path: str, entry: File, lines: list[str]) -> Result:
    # postconf renames a new file into place, so that it belongs to root, with the mode of the old one.
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    machine.tree.put(machine.tree.place(path), File(Meta(entry.meta.mode), Inline(data), (machine.origin(),)))
    return Result()


def _changed(machine: Machine, path: str, values: dict[str, str]) -> Result:
    entry, lines = _read(machine, path)
    out: list[str] = []
    written: set[str] = set()
    for name, line in _parameters(lines):
        if name not in values:
            out.append(line)
        elif name not in written:
            written.add(name)
            out.append(f"{name} = {values[name]}")
    out += [f"{name} = {value}" for name, value in values.items() if name not in written]
    return _write(machine, path, entry, out)


def _without(machine: Machine, path: str, names: set[str], *, comment: bool) -> Result:
    entry, lines = _read(machine, path)
    out = [f"#{line}" if name in names else line for name, line in _parameters(lines) if comment or name not in names]
    return _write(machine, path, entry, out)


def _values(machine: Machine, path: str, names: list[str]) -> Result:
    """The values as main.cf has them. What Postfix would say of others is compiled into it, and not known."""
    found: dict[str, str] = {}
    for name, line in _parameters(_read(machine, path)[1]):
        continues = line[0].isspace() if name else False
        value = line if continues else line.partition("=")[2]
        found[name] = f"{found[name]} {value.strip()}" if continues and name in found else value.strip()
    if any(name not in found or "$" in found[name] for name in names):
        return Result(output=None)
    return Result(output="".join(f"{found[name]}\n" for name in names).encode())


COMMANDS = {"postconf": Command(postconf, "content")}

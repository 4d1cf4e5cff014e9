"""dpkg(1) and dpkg-query(1): which packages are installed, and what is known of them."""

import fnmatch
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.paths import ROOT, encode
from fromscratch.transforms.shell.commands.dpkg.versions import compared
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Package, Result

_FIELD = re.compile(r"\$\{([A-Za-z:_-]+)(?:;(-?[0-9]{1,3}))?\}")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_MISSING = Result(1)
_ACTIONS = {
    "-s": "status", "--status": "status", "-W": "show", "--show": "show", "-l": "list", "--list": "list",
    "-L": "files", "--listfiles": "files", "-S": "search", "--search": "search", "-c": "control",
    "--control-path": "control", "--control-list": "control", "--control-show": "control",
    "--print-architecture": "architecture", "--print-foreign-architectures": "nothing", "--compare-versions": "compare",
}  # fmt: skip
_SILENT = ("--assert-", "--validate-", "--configure", "--triggers-only", "--add-architecture")
_IGNORED = ("--admindir", "--root", "--no-pager", "--load-avail")


def dpkg(machine: Machine, call: Call) -> Result:
    """What dpkg and dpkg-query answer. Raises NotUnderstood for what installs or removes."""
    action, form, operands = _words(call.arguments)
    if action == "show":
        return _show(machine, form, operands)
    return _answer(action)(machine, operands)


def _words(arguments: Sequence[str]) -> tuple[str, str, list[str]]:
    action, form, operands = "", "${binary:Package}\t${Version}\n", []
    pending = [*reversed(arguments)]
    while pending:
        word = pending.pop()
        name, _, value = word.partition("=")
        if name in ("-f", "--showformat"):
            form = value if "=" in word else pending.pop() if pending else ""
        elif word.startswith("-f"):
            form = word[2:]
        elif word in _ACTIONS and not action:
            action = _ACTIONS[word]
        elif word.startswith(_SILENT) and not action:
            action = "nothing"
        elif word.startswith("-") and action != "compare":
            if name not in _IGNORED:
                raise NotUnderstood(f"{word} is not known of dpkg")
        else:
            operands.append(word)
    return action, form, operands


def _answer(action: str) -> Callable[[Machine, Sequence[str]], Result]:
    answers = {
        "architecture": _architecture,
        "compare": _compare,
        "files": _files,
        "list": _list,
        "nothing": lambda machine, operands: Result(),
        "search": _search,
        "status": _status,
    }
    if action not in answers:
        raise NotUnderstood("this use of dpkg is not known")
    return answers[action]


def _compare(machine: Machine, operands: Sequence[str]) -> Result:
    if len(operands) != 3:
        raise NotUnderstood("two versions and what lies between them are to be compared")
    return compared(operands[0], operands[1], operands[2])


def _architecture(machine: Machine, operands: Sequence[str]) -> Result:
    return Result(0, f"{machine.architecture}\n".encode())


def _matching(machine: Machine, pattern: str) -> list[Package]:
    name, _, architecture = pattern.partition(":")
    found = [one for one in machine.packages.values() if fnmatch.fnmatchcase(one.name, name)]
    return sorted(
        (one for one in found if architecture in ("", "any", "all", one.architecture)), key=lambda one: one.name
    )


def _several(machine: Machine, patterns: Sequence[str], text: Callable[[Package], str]) -> Result:
    """A text for each package that a pattern means; failure if one means none."""
    chosen: dict[str, Package] = {}
    status = 0
    for pattern in patterns or ("*",):
        found = _matching(machine, pattern)
        status = status if found else 1
        chosen |= {one.name: one for one in found}
    return Result(status, encode("".join(text(chosen[name]) for name in sorted(chosen))))


def _show(machine: Machine, form: str, patterns: Sequence[str]) -> Result:
    return _several(machine, patterns, lambda package: _formatted(machine, form, package))


def _formatted(machine: Machine, form: str, package: Package) -> str:
    def value(found: re.Match[str]) -> str:
        text = field(machine, package, found[1])
        width = int(found[2] or 0)
        return text.rjust(width) if width > 0 else text.ljust(-width)

    unescaped = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), form)
    return _FIELD.sub(value, unescaped)


def field(machine: Machine, package: Package, name: str) -> str:
    """A field of an installed package, as the format of dpkg-query names it. Raises NotUnderstood."""
    fields: dict[str, Callable[[], str]] = {
        "package": lambda: package.name,
        "binary:package": lambda: package.name,
        "version": lambda: package.version,
        "architecture": lambda: package.architecture,
        "status": lambda: "install ok installed",
        "db:status-want": lambda: "install",
        "db:status-eflag": lambda: "ok",
        "db:status-status": lambda: "installed",
        "db:status-abbrev": lambda: "ii ",
        "conffiles": lambda: "".join(f"\n {line}" for line in _conffiles(machine, package)),
    }
    if name.lower() not in fields:
        raise NotUnderstood(f"the field {name} of packages is not known")
    return fields[name.lower()]()


def _conffiles(machine: Machine, package: Package) -> Iterator[str]:
    for path in package.configuration:
        entry = machine.tree.find(path)
        if isinstance(entry, File):
            yield f"{path} {hashlib.md5(read(entry.content), usedforsecurity=False).hexdigest()}"


def _status(machine: Machine, patterns: Sequence[str]) -> Result:
    names = ("Package", "Status", "Architecture", "Version")

    def paragraph(package: Package) -> str:
        lines = [f"{name}: {field(machine, package, name)}\n" for name in names]
        conffiles = field(machine, package, "Conffiles")
        return "".join([*lines, f"Conffiles:{conffiles}\n" if conffiles else "", "\n"])

    return _several(machine, patterns, paragraph) if patterns else _MISSING


def _list(machine: Machine, patterns: Sequence[str]) -> Result:
    return _several(machine, patterns, lambda one: f"ii  {one.name} {one.version} {one.architecture}\n")


def _shipped(machine: Machine, package: Package) -> Iterator[str]:
    if package.origin is None:
        raise NotUnderstood(f"which files {package.name} has is not known")
    for path in machine.tree.within(machine.tree.resolve("/")):
        entry = machine.tree.find(path, follow_last=False)
        if entry is not None and package.origin in entry.origins:
            yield path


def _files(machine: Machine, names: Sequence[str]) -> Result:
    packages = [machine.packages.get(name.partition(":")[0]) for name in names]
    listed = [path for one in packages if one is not None for path in _shipped(machine, one)]
    return Result(int(None in packages), encode("".join(f"{path}\n" for path in listed)))


def _search(machine: Machine, patterns: Sequence[str]) -> Result:
    lines: dict[str, None] = {}
    status = 0
    for pattern in patterns:
        found = [*_found(machine, pattern)]
        status = status if found else 1
        lines.update(dict.fromkeys(found))
    return Result(status, encode("".join(lines)))


def _found(machine: Machine, pattern: str) -> Iterator[str]:
    """A line for each path that a pattern means; one that is not absolute may stand anywhere in it."""
    names = {one.origin: one.name for one in machine.packages.values() if one.origin is not None}
    if pattern.startswith("/") and not any(char in pattern for char in "*?[\\"):
        entry = machine.tree.find(pattern, follow_last=False)
        candidates = [(pattern, entry)] if entry is not None else []
    else:
        whole = pattern if pattern.startswith("/") or "*" in pattern[:1] else f"*{pattern}*"
        paths = (path for path in machine.tree.within(ROOT) if fnmatch.fnmatchcase(path, whole))
        candidates = [(str(path), entry) for path in paths for entry in [machine.tree.at(path)] if entry is not None]
    for path, entry in candidates:
        owners = sorted({names[origin] for origin in entry.origins if origin in names})
        if owners:
            yield f"{', '.join(owners)}: {path}\n"


COMMANDS = {"dpkg": Command(dpkg, "content"), "dpkg-query": Command(dpkg, "content")}

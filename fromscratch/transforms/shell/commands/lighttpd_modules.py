"""lighttpd-enable-mod and -disable-mod: links to parts of the configuration, as that Perl program makes them."""

import re
from collections.abc import Iterator

from fromscratch.model.content import read
from fromscratch.model.entry import Meta, Symlink
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.tree_files import regular_file

_AVAILABLE, _ENABLED = TreePath("/etc/lighttpd/conf-available"), TreePath("/etc/lighttpd/conf-enabled")
_FILE = re.compile(r"[0-9]+-([\w.-]+)\.conf")
_DEPENDS = re.compile(r"# -\*- depends: ([\w, -]+) -\*-")
_CONFLICTS = re.compile(r"# -\*- conflicts: ([\w, -]+) -\*-")
_FAILED, _NO_ACTION = 1, 2
_LONGEST = 1 << 20


def enable(machine: Machine, call: Call) -> Result:
    """Link the named parts, and those that they depend on, into conf-enabled."""
    if not call.arguments:
        raise NotUnderstood("it asks which module to enable")
    status, todo = 0, list(call.arguments)
    available = dict(_parts(machine, _AVAILABLE))
    for name in todo:  # grows by what a part depends on
        if name not in available:
            status = _NO_ACTION
            continue
        enabled = dict(_parts(machine, _ENABLED))
        if name in enabled:
            status = status or _NO_ACTION
            continue
        text = _text(machine, f"{_AVAILABLE}/{available[name]}")
        depends = [other for other in _listed(_DEPENDS, text) if other not in enabled]
        if any(other not in available for other in depends) or any(
            other in enabled for other in _listed(_CONFLICTS, text)
        ):
            return Result(_FAILED)
        todo += [other for other in depends if other not in todo]
        link = Symlink(Meta(0o777), f"../conf-available/{available[name]}", (machine.origin(),))
        machine.tree.put(TreePath(f"{_ENABLED}/{available[name]}"), link)
    return Result(status)


def disable(machine: Machine, call: Call) -> Result:
    """Remove the links of the named parts, and of those that depend on them."""
    if not call.arguments:
        raise NotUnderstood("it asks which module to disable")
    status, todo = 0, list(call.arguments)
    available = dict(_parts(machine, _AVAILABLE))
    for name in todo:
        enabled = dict(_parts(machine, _ENABLED))
        if name not in enabled:
            status = _NO_ACTION
            continue
        for other, file in available.items():
            if (
                other in enabled
                and other not in todo
                and name in _listed(_DEPENDS, _text(machine, f"{_AVAILABLE}/{file}"))
            ):
                todo.append(other)
        machine.tree.remove(TreePath(f"{_ENABLED}/{enabled[name]}"))
    return Result(status)


def _parts(machine: Machine, folder: TreePath) -> Iterator[tuple[str, str]]:
    """The name of each part in a folder, and its file's name."""
    for file in machine.tree.children(folder):
        found = _FILE.fullmatch(file)
        if found:
            yield found[1], file


def _text(machine: Machine, path: str) -> str:
    return read(regular_file(machine, path, _LONGEST).content).decode("utf-8", "replace")


def _listed(pattern: re.Pattern[str], text: str) -> list[str]:
    return [name for line in pattern.findall(text) for name in re.split(r",\s+", line)]


COMMANDS = {
    **dict.fromkeys(("lighty-enable-mod", "lighttpd-enable-mod"), Command(enable, "link")),
    **dict.fromkeys(("lighty-disable-mod", "lighttpd-disable-mod"), Command(disable, "link")),
}

"""File names of the tree that a pattern matches: XCU 2.14.3."""

from fromscratch.errors import ImageError
from fromscratch.model.entry import Directory
from fromscratch.transforms.shell import patterns
from fromscratch.transforms.shell.bounds import Budget
from fromscratch.transforms.shell.machine import Machine

_STEP = 300
"""What a folder that is looked into costs, in comparisons of characters."""


def names(machine: Machine, pattern: str, folder: str, budget: Budget) -> list[str]:
    """The paths that match, sorted, and written as the pattern is: relative to `folder`, or absolute."""
    begin = "/" if pattern.startswith("/") else ""
    found = [begin]
    components = pattern.lstrip("/").split("/")
    for number, component in enumerate(components):
        last = number == len(components) - 1
        found = [
            longer
            for path in found
            for longer in _step(machine, path, component, folder, budget)
            if last or isinstance(machine.tree.find(_absolute(longer, folder)), Directory)
        ]
        if not last:
            found = [f"{path}/" for path in found]
    return sorted(found)


def _absolute(path: str, folder: str) -> str:
    return path if path.startswith("/") else f"{folder.rstrip('/')}/{path}"


def _step(machine: Machine, path: str, component: str, folder: str, budget: Budget) -> list[str]:
    budget.pattern(_STEP + len(path))
    if not component:
        return [path]
    if not patterns.is_pattern(component):
        longer = path + patterns.unescaped(component)
        return [longer] if machine.tree.find(_absolute(longer, folder), follow_last=False) is not None else []
    try:
        place = machine.tree.resolve(_absolute(path, folder) or "/")
    except ImageError:
        return []
    hidden = component.startswith((".", "\\."))
    return [
        path + name
        for name in machine.tree.children(place)
        if (hidden or not name.startswith(".")) and patterns.matches(component, name, budget)
    ]

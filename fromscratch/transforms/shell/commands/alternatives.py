"""update-alternatives(1): of several programs for one name, the best gets the name."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from fromscratch.errors import NotInTree
from fromscratch.model.entry import Directory, Meta, Symlink
from fromscratch.paths import TreePath, encode, tree_path
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_FLAGS = frozenset(("--debug", "--force", "--keep-foreign", "--no-keep-foreign", "--quiet", "--skip-auto", "--verbose"))
_VALUES = frozenset(("--admindir", "--altdir", "--instdir", "--log", "--root"))
_FOLDER = TreePath("/etc/alternatives")
_FAILED = Result(2)


class Choice(Struct, frozen=True):
    """One program for a name. `followers` are the paths of further files that go with it, by their names."""

    path: str
    priority: int
    followers: dict[str, str] = {}


class Group(Struct):
    """A name with its link, the links of further names, and the choices; `chosen` is a path that counts by hand."""

    link: str
    follower_links: dict[str, str] = {}
    choices: dict[str, Choice] = {}
    chosen: str = ""
    current: str = ""

    @property
    def best(self) -> Choice | None:
        """The choice that counts: by hand, else of the highest priority, of equals the one that counts already."""
        if self.chosen in self.choices:
            return self.choices[self.chosen]
        ranked = sorted(self.choices.values(), key=lambda one: (-one.priority, one.path != self.current))
        return ranked[0] if ranked else None


class Alternatives:
    """The names of a machine that have alternatives."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {}


def update_alternatives(machine: Machine, call: Call) -> Result:
    """Change or show alternatives, and the links for them."""
    words = list(_without_flags(call.arguments))
    if not words:
        raise NotUnderstood("it says nothing to do")
    action, *operands = words
    group = machine.state(Alternatives).groups.get(operands[0]) if operands else None
    if action == "--install":
        return _install(machine, operands)
    if action in ("--get-selections", "--set-selections", "--config", "--all"):
        raise NotUnderstood(f"{action} is not known of update-alternatives")
    if group is None:
        return Result() if action in ("--remove", "--remove-all") else _FAILED
    name = operands[0]
    match action, operands[1:]:
        case "--list", []:
            return Result(0, encode("".join(f"{path}\n" for path in sorted(group.choices))))
        case (("--query" | "--display"), []):
            return Result(0, encode(_shown(name, group)))
        case "--auto", []:
            group.chosen = ""
        case "--set", [path]:
            if path not in group.choices:
                return _FAILED
            group.chosen = path
        case "--remove", [path]:
            group.choices.pop(path, None)
        case "--remove-all", []:
            group.choices.clear()
        case _:
            raise NotUnderstood(f"this use of {action} is not known of update-alternatives")
    _link(machine, name, group)
    return Result()


def _without_flags(words: Sequence[str]) -> Iterator[str]:
    pending = iter(words)
    for word in pending:
        if word in _VALUES:
            next(pending, "")
        elif word not in _FLAGS:
            yield word


def _install(machine: Machine, operands: Sequence[str]) -> Result:
    if len(operands) < 4 or not operands[3].lstrip("-").isdigit() or len(operands[3]) > 10:
        raise NotUnderstood("it does not say link, name, path and priority")
    link, name, path, priority = operands[:4]
    if "/" in name or name in ("", ".", ".."):
        raise NotUnderstood(f"{name!r} is not a name of alternatives")
    followers, links = _followers(operands[4:])
    if machine.tree.find(path) is None:
        return _FAILED
    group = machine.state(Alternatives).groups.setdefault(name, Group(link))
    if group.link != link:
        _remove(machine, group.link)
        group.link = link
    group.follower_links |= links
    group.choices[path] = Choice(path, int(priority), followers)
    _link(machine, name, group)
    return Result()


def _followers(words: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The paths and the links of further names."""
    paths, links = {}, {}
    for start in range(0, len(words), 4):
        option, *three = words[start : start + 4]
        if option not in ("--slave", "--follower") or len(three) != 3 or "/" in three[1]:
            raise NotUnderstood("it does not say link, name and path of a follower")
        links[three[1]], paths[three[1]] = three[0], three[2]
    return paths, links


def _link(machine: Machine, name: str, group: Group) -> None:
    """Bring the links in line with what counts."""
    best = group.best
    if best is None:
        del machine.state(Alternatives).groups[name]
        for each, link in ((name, group.link), *group.follower_links.items()):
            _remove(machine, link)
            _remove(machine, f"{_FOLDER}/{each}")
        return
    group.current = best.path
    _put(machine, group.link, name, best.path)
    for each, link in group.follower_links.items():
        path = best.followers.get(each, "")
        if path and machine.tree.find(path) is not None:
            _put(machine, link, each, path)
        else:
            _remove(machine, link)
            _remove(machine, f"{_FOLDER}/{each}")


def _put(machine: Machine, link: str, name: str, path: str) -> None:
    held = tree_path(f"{_FOLDER}/{name}")
    _symlink(machine, held, path)
    present = machine.tree.find(link, follow_last=False)
    if present is None or isinstance(present, Symlink):  # it does not replace a file
        _symlink(machine, tree_path(link), held)


def _symlink(machine: Machine, place: TreePath, target: str) -> None:
    present = machine.tree.find(place, follow_last=False)
    if isinstance(present, Directory) or (isinstance(present, Symlink) and present.target == target):
        return
    machine.tree.put(place, Symlink(Meta(0o777), target, (machine.origin(),)))


def _remove(machine: Machine, link: str) -> None:
    """Remove a link of alternatives; anything else stays."""
    try:
        place = machine.tree.resolve(link, follow_last=False)
    except NotInTree:
        return
    entry = machine.tree.find(place, follow_last=False)
    if isinstance(entry, Symlink) and (place.startswith(_FOLDER) or entry.target.startswith(_FOLDER)):
        machine.tree.remove(place)


def _shown(name: str, group: Group) -> str:
    """As --query says it."""
    lines = [f"Name: {name}", f"Link: {group.link}"]
    if group.follower_links:
        lines += ["Slaves:", *(f" {each} {link}" for each, link in sorted(group.follower_links.items()))]
    best = max(group.choices.values(), key=lambda one: one.priority)
    status = "manual" if group.chosen else "auto"
    lines += [f"Status: {status}", f"Best: {best.path}", f"Value: {group.current}"]
    for path in sorted(group.choices):
        choice = group.choices[path]
        lines += ["", f"Alternative: {path}", f"Priority: {choice.priority}"]
        if group.follower_links:
            lines += ["Slaves:", *(f" {each} {other}" for each, other in sorted(choice.followers.items()))]
    return "\n".join(lines) + "\n"


COMMANDS = {"update-alternatives": Command(update_alternatives, "link")}

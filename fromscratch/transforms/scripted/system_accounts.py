"""System accounts of packages, made as systemd-sysusers(8) makes them, without running it."""

from collections.abc import Callable, Collection, Iterator, Sequence

from msgspec import Struct

from fromscratch import paths
from fromscratch.formats.glibc.passwd import records
from fromscratch.formats.sysusers import Line, Parsed, parse
from fromscratch.model.entry import File, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode
from fromscratch.transforms.accounts import Group, User, with_accounts
from fromscratch.transforms.scripted.missing import bytes_of

FOLDERS = tuple(
    map(TreePath, ("/etc/sysusers.d", "/run/sysusers.d", "/usr/local/lib/sysusers.d", "/usr/lib/sysusers.d"))
)
_HIGHEST = 999  # SYSTEM_UID_MAX of the distributions
_NOLOGIN, _LOCKED = "/usr/sbin/nologin", "!*"


def declared(tree: Rootfs) -> Parsed:
    """The lines of the tree's sysusers.d files by their names; a file of an earlier folder hides one of its name."""
    return _joined((path, parse(decode(bytes_of(tree, path)))) for path in configuration_files(tree, FOLDERS))


def configuration_files(tree: Rootfs, folders: Sequence[str]) -> list[TreePath]:
    """The files *.conf of several folders by their names; of the same name the one of the earlier folder."""
    found: dict[str, TreePath] = {}
    for folder in map(TreePath, folders):
        for name in tree.children(tree.locate(folder)):
            path = paths.join(folder, name)
            if name.endswith(".conf") and name not in found and isinstance(tree.find(path), File):
                found[name] = path
    return [found[name] for name in sorted(found)]


def _joined(files: Iterator[tuple[TreePath, Parsed]]) -> Parsed:
    lines: list[Line] = []
    faults: list[str] = []
    for path, one in files:
        lines += one.lines
        faults += [f"{path}: {fault}" for fault in one.faults]
    return Parsed(tuple(lines), tuple(faults))


ChooseNumber = Callable[[str, Collection[int]], int | None]
"""The number for the account of a name, which is none of those that others have; None leaves the choice."""


def _highest(name: str, used: Collection[int]) -> int | None:
    return None


class _Known(Struct):
    """The accounts of the tree, and those that are added to them; `number` says which one a name should get."""

    number: ChooseNumber
    users: dict[str, int]
    groups: dict[str, int]
    members: dict[str, list[str]]
    added_users: dict[str, User] = {}
    added_groups: dict[str, None] = {}

    def is_free(self, number: int, name: str) -> bool:
        """Whether no other account has the number: a user and the group of its name share one."""
        return all(
            other == name or used != number for known in (self.users, self.groups) for other, used in known.items()
        )

    def free(self, name: str) -> int:
        others = {used for known in (self.users, self.groups) for other, used in known.items() if other != name}
        chosen = self.number(name, others)
        if chosen is not None and chosen not in others:
            return chosen
        return next((number for number in range(_HIGHEST, 0, -1) if self.is_free(number, name)), _HIGHEST + 1)


def with_system_accounts(
    tree: Rootfs, lines: Sequence[Line], origin: Origin, number: ChooseNumber = _highest
) -> Rootfs:
    """The tree with these accounts where it has none of their names; of two lines for a name the first counts.

    `number` chooses for an account without one; where it does not, the highest that is free is taken.
    """
    known = _known(tree, number)
    memberships = [line for line in lines if line.kind == "m"]
    users = [line for line in lines if line.kind == "u"]
    for line in lines:
        if line.kind == "g":
            _add_group(known, line.name, line.id)
    for line in [*users, *(Line("u", line.name) for line in memberships)]:
        _add_user(known, line)
    for line in memberships:
        _add_group(known, line.id, "")
        if line.name not in known.members.setdefault(line.id, []):
            known.members[line.id].append(line.name)
            known.added_groups[line.id] = None
    if not known.added_users and not known.added_groups:
        return tree
    groups = [
        Group(name=name, gid=known.groups[name], members=tuple(known.members.get(name, ())))
        for name in known.added_groups
    ]
    return with_accounts(tree, list(known.added_users.values()), groups, origin)


def _known(tree: Rootfs, number: ChooseNumber) -> _Known:
    groups = list(records(tree, "/etc/group", 4))
    return _Known(
        number=number,
        users={"root": 0} | {fields[0]: int(fields[2]) for fields in records(tree, "/etc/passwd", 7)},
        groups={"root": 0} | {fields[0]: int(fields[2]) for fields in groups},
        members={fields[0]: [name for name in fields[3].split(",") if name] for fields in groups},
    )


def _add_group(known: _Known, name: str, number: str) -> None:
    if name in known.groups:
        return
    fixed = int(number) if number.isdigit() else None
    usable = fixed is not None and known.is_free(fixed, name)
    known.groups[name] = fixed if fixed is not None and usable else known.free(name)
    known.added_groups[name] = None


def _add_user(known: _Known, line: Line) -> None:
    if line.name in known.users:
        return
    uid, _, group = line.id.partition(":")
    if not group:
        _add_group(known, line.name, uid)
        gid = known.groups[line.name]
    elif group.isdigit():
        gid = int(group)
    else:
        _add_group(known, group, "")
        gid = known.groups[group]
    fixed = int(uid) if uid.isdigit() else None
    if fixed is None or not known.is_free(fixed, line.name):
        shares = not group and known.is_free(gid, line.name)
        fixed = gid if shares else known.free(line.name)
    known.users[line.name] = fixed
    known.added_users[line.name] = User(
        name=line.name,
        uid=fixed,
        gid=gid,
        comment=line.comment,
        home=line.home or "/",
        shell=line.shell or _NOLOGIN,
        password=_LOCKED,
        create_home=False,
    )

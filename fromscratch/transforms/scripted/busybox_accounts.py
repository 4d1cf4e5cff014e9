"""Accounts as addgroup and adduser of busybox make them, without running either."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import ImageError
from fromscratch.formats.alpine.account_script import AddGroup, AddUser
from fromscratch.formats.glibc.passwd import records
from fromscratch.model.entry import Directory, Entry, Origin, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, tree_path
from fromscratch.transforms.accounts import Group, User, with_accounts

_SYSTEM, _ORDINARY = range(100, 1000), range(1000, 60000)
_NO_GROUP = 65533
_COMMENT = "Linux User,,,"
_HOME = 0o2755


class _Known(Struct):
    users: dict[str, int]
    groups: dict[str, int]
    members: dict[str, list[str]]
    added: dict[str, User] = {}
    changed: dict[str, None] = {}


def with_busybox_accounts(tree: Rootfs, calls: Sequence[AddGroup | AddUser], origin: Origin) -> Rootfs:
    """The tree after these calls, one after the other; one that busybox would refuse changes nothing.

    A password is locked, and the day of its last change left empty, so that the image does not depend on the day.
    """
    groups = list(records(tree, "/etc/group", 4))
    known = _Known(
        users={fields[0]: int(fields[2]) for fields in records(tree, "/etc/passwd", 7)},
        groups={fields[0]: int(fields[2]) for fields in groups},
        members={fields[0]: [name for name in fields[3].split(",") if name] for fields in groups},
    )
    for call in calls:
        if isinstance(call, AddGroup):
            _add_group(known, call)
        else:
            _add_user(known, call)
    if not known.added and not known.changed:
        return tree
    changed = [
        Group(name=name, gid=known.groups[name], members=tuple(known.members.get(name, ()))) for name in known.changed
    ]
    users = list(known.added.values())
    return _with_homes(with_accounts(tree, users, changed, origin), users)


def _with_homes(tree: Rootfs, users: Sequence[User]) -> Rootfs:
    """The tree with the homes as adduser leaves them, also those that were there before."""
    changed: dict[TreePath, Entry] = {}
    for user in users:
        place = tree.locate(tree_path(user.home))
        home = tree.find(place, follow_last=False)
        if user.create_home and place != ROOT and isinstance(home, Directory):
            changed[place] = with_meta(home, replace(home.meta, mode=_HOME, uid=user.uid, gid=user.gid))
    return tree.with_entries(changed) if changed else tree


def _add_group(known: _Known, call: AddGroup) -> None:
    if call.user:
        if call.name in known.groups and call.user in known.users:
            _join(known, call.name, call.user)
        return
    if call.name in known.groups or call.number in known.groups.values():
        return
    numbers = _SYSTEM if call.is_system else _ORDINARY
    known.groups[call.name] = _free(numbers, known.groups, call.name) if call.number is None else call.number
    known.changed[call.name] = None


def _add_user(known: _Known, call: AddUser) -> None:
    if call.name in known.users or call.number in known.users.values():
        return
    if call.group is not None and call.group not in known.groups:
        return
    numbers = _SYSTEM if call.is_system else _ORDINARY
    uid = _free(numbers, known.users, call.name) if call.number is None else call.number
    if call.group is not None:
        gid = known.groups[call.group]
        _join(known, call.group, call.name)
    elif call.is_system:
        gid = known.groups.get("nogroup", _NO_GROUP)
        if "nogroup" in known.groups:
            _join(known, "nogroup", call.name)
    else:
        _add_group(known, AddGroup(call.name, uid))
        gid = known.groups.get(call.name, uid)
    known.users[call.name] = uid
    known.added[call.name] = User(
        name=call.name,
        uid=uid,
        gid=gid,
        comment=_COMMENT if call.comment is None else call.comment,
        home=f"/home/{call.name}" if call.home is None else call.home,
        shell=call.shell or ("/sbin/nologin" if call.is_system else "/bin/sh"),
        password="!",
        create_home=call.has_home,
    )


def _join(known: _Known, group: str, user: str) -> None:
    members = known.members.setdefault(group, [])
    if user not in members:
        members.append(user)
        known.changed[group] = None


def _free(numbers: range, used: dict[str, int], name: str) -> int:
    taken_numbers = set(used.values())
    for number in numbers:
        if number not in taken_numbers:
            return number
    raise ImageError(
        f"there is no number left for the account {name}", "exclude the package, or make the account first"
    )

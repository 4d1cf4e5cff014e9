"""Names of users and groups in the files of the tree: passwd(5) and group(5)."""

from fromscratch.errors import ImageError
from fromscratch.limits import number
from fromscratch.paths import decode
from fromscratch.transforms.shell.machine import Machine, NotUnderstood
from fromscratch.transforms.shell.tree_files import read_file

_ID_BITS = 32


def rows(machine: Machine, path: str) -> list[list[str]]:
    """The fields of the lines of such a file; of one that is not there, none."""
    try:
        text = decode(read_file(machine, path))
    except ImageError:
        return []
    return [line.split(":") for line in text.splitlines() if line and not line.startswith("#")]


def user_number(machine: Machine, name: str) -> int:
    """The uid of a user, by name or number. Raises NotUnderstood for one that the tree does not have."""
    return user_row(machine, name)[0]


def user_row(machine: Machine, name: str) -> tuple[int, int | None]:
    """The uid and the gid of a user; no gid for a number. Raises NotUnderstood for one that the tree does not have."""
    for fields in rows(machine, "/etc/passwd"):
        if fields[0] == name and len(fields) >= 4:
            uid, gid = number(fields[2]), number(fields[3])
            if uid is not None and gid is not None:
                return uid, gid
    if name == "root":
        return 0, 0
    return _plain_number(name, "user"), None


def group_number(machine: Machine, name: str) -> int:
    """The gid of a group, by name or number. Raises NotUnderstood for one that the tree does not have."""
    for fields in rows(machine, "/etc/group"):
        if fields[0] == name and len(fields) >= 3 and (gid := number(fields[2])) is not None:
            return gid
    return 0 if name == "root" else _plain_number(name, "group")


def _plain_number(name: str, what: str) -> int:
    found = number(name.removeprefix("+"))
    if found is None or found >> _ID_BITS:
        raise NotUnderstood(f"the tree has no {what} {name}")
    return found


def user_name(machine: Machine, uid: int) -> str | None:
    """The name of a user, or None."""
    return _name(machine, "/etc/passwd", uid)


def group_name(machine: Machine, gid: int) -> str | None:
    """The name of a group, or None."""
    return _name(machine, "/etc/group", gid)


def _name(machine: Machine, path: str, searched: int) -> str | None:
    found = (fields[0] for fields in rows(machine, path) if len(fields) >= 3 and number(fields[2]) == searched)
    return next(found, "root" if searched == 0 else None)


def parse_owner(machine: Machine, text: str) -> tuple[int | None, int | None]:
    """`user`, `user:group`, `user:` with the user's own group, or `:group`, as numbers; None for what is not said.

    Also with the dot of old scripts. Raises NotUnderstood for names that the tree does not have.
    """
    user, colon, group = text.partition(":")
    if not colon and "." in text:
        try:
            return user_number(machine, text), None
        except NotUnderstood:
            user, colon, group = text.partition(".")
    uid = gid = None
    if user:
        uid, own = user_row(machine, user)
        if colon and not group:
            if own is None:
                raise NotUnderstood(f"the user {user} has no group that is known")
            gid = own
    if group:
        gid = group_number(machine, group)
    return uid, gid

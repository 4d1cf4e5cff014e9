"""The user that a process of an image runs as: `User` of its configuration, looked up in its passwd and group files.

The forms are those of image-spec/config.md: user, uid, user:group, uid:gid, uid:group, user:gid.
"""

from collections.abc import Iterator

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.model.content import read
from fromscratch.model.entry import Entry, File
from fromscratch.model.rootfs import Rootfs

_MAX_ID = (1 << 32) - 2
_MAX_DIGITS = 20  # int() refuses thousands of them
_MAX_FILE = 16 << 20


class Identity(Struct, frozen=True):
    """`groups` are the supplementary ones; `home` is "/" where nothing says otherwise."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


def identity(tree: Rootfs, user: str) -> Identity:
    """The numbers that `user` means in this tree; an empty one means root. Raises UsageError for an unknown name."""
    name, _, group = (user or "0").partition(":")
    account = next((fields for fields in records(tree, "/etc/passwd", 7) if _is(fields, name)), None)
    if account is not None:
        uid, gid, home, login = int(account[2]), int(account[3]), account[5] or "/", account[0]
    else:
        uid, gid, home, login = _number(name, "/etc/passwd", user), 0, "/", ""
    if group:
        found = next((fields for fields in records(tree, "/etc/group", 4) if _is(fields, group)), None)
        return Identity(uid, int(found[2]) if found else _number(group, "/etc/group", user), (), home)
    groups = (int(fields[2]) for fields in records(tree, "/etc/group", 4) if login and login in fields[3].split(","))
    return Identity(uid, gid, tuple(sorted({number for number in groups if number != gid})), home)


def _is(fields: list[str], name_or_id: str) -> bool:
    return name_or_id in (fields[0], fields[2])


class Account(Struct, frozen=True):
    """The numbers of a user in passwd(5)."""

    uid: int
    gid: int


def users(passwd: Entry | None) -> dict[str, Account]:
    """The users of a passwd file by name, of two of one name the first; none for what is not such a file."""
    found: dict[str, Account] = {}
    for fields in _lines(passwd, 7):
        found.setdefault(fields[0], Account(int(fields[2]), int(fields[3])))
    return found


def groups(group: Entry | None) -> dict[str, int]:
    """The numbers of the groups of a group file by name, of two of one name the first."""
    found: dict[str, int] = {}
    for fields in _lines(group, 4):
        found.setdefault(fields[0], int(fields[2]))
    return found


def records(tree: Rootfs, path: str, count: int) -> Iterator[list[str]]:
    """The well-formed lines of a colon-separated file of the tree whose third field is a number."""
    return _lines(tree.find(path), count)


def _lines(entry: Entry | None, count: int) -> Iterator[list[str]]:
    """The well-formed lines of a colon-separated file whose third field is a number."""
    if not isinstance(entry, File) or entry.content.size > _MAX_FILE:
        return
    for line in read(entry.content).decode("utf-8", "surrogateescape").split("\n"):
        fields = line.split(":")
        numbers = fields[2:4] if count == 7 else fields[2:3]
        if len(fields) >= count and all(_is_id(number) for number in numbers):
            yield fields


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) <= _MAX_ID


def _number(text: str, where: str, user: str) -> int:
    if not _is_id(text):
        raise UsageError(
            f"the image runs as {user!r}, but its {where} has no {text!r}",
            "write the number instead, or add the account to the image",
        )
    return int(text)

"""The users and groups of a recipe, written into passwd(5), group(5) and shadow(5)."""

import re
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from fromscratch.errors import Conflict, ImageError, UsageError
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, encode, tree_path

PASSWD, GROUP, SHADOW = TreePath("/etc/passwd"), TreePath("/etc/group"), TreePath("/etc/shadow")
_LOCKED = "*"
_MAX_FILE = 16 << 20


class User(Struct, frozen=True, kw_only=True):
    """`password` is a crypt(5) hash; "*" lets nobody in by password. `create_home` makes the folder, mode 0755."""

    name: str
    uid: int
    gid: int
    comment: str = ""
    home: str = "/"
    shell: str = "/sbin/nologin"
    password: str = "*"
    create_home: bool = True


class Group(Struct, frozen=True, kw_only=True):
    name: str
    gid: int
    members: tuple[str, ...] = ()


# The account of a tree that has only programs: a name for the number that most images run as.
PLACEHOLDER_USER = "nonroot:x:65532:65532:nonroot:/:/sbin/nologin"
PLACEHOLDER_GROUP = "nonroot:x:65532:"
_PLACEHOLDERS = frozenset({PLACEHOLDER_USER, PLACEHOLDER_GROUP})

ROOT_USER = User(name="root", uid=0, gid=0, comment="root", home="/root", shell="/bin/sh", create_home=False)
ROOT_GROUP = Group(name="root", gid=0)


def with_accounts(
    tree: Rootfs,
    users: Sequence[User],
    groups: Sequence[Group],
    origin: Origin,
    *,
    empty_passwords: Collection[str] = (),
) -> Rootfs:
    """The tree with these accounts in its files, root added where the tree has none.

    A line of the same name is replaced, and so is the placeholder of a number. A group is added for each user whose
    gid has none. An empty password of root in the tree becomes "*", unless root is among `empty_passwords`.
    Raises Conflict for a number that another name has or for a group with two numbers, and UsageError for a field
    that would break its line.
    """
    passwd, group, shadow = (_Table(tree, path) for path in (PASSWD, GROUP, SHADOW))
    everyone = [*([] if "root" in passwd.rows else [ROOT_USER]), *users]
    for each in [*([] if "root" in group.rows else [ROOT_GROUP]), *groups]:
        group.put(each.name, each.gid, ["x", str(each.gid), ",".join(each.members)])
    gids = {each.name: each.gid for each in groups}
    group.give_up({user.gid for user in users})
    for user in everyone:
        if user.gid not in group.numbers():
            if user.name in gids:
                raise _two_numbers(user, gids[user.name])
            group.put(user.name, user.gid, ["x", str(user.gid), ""])
        passwd.put(user.name, user.uid, ["x", str(user.uid), str(user.gid), user.comment, user.home, user.shell])
        # The day of the last change stays empty, so that the image does not depend on the day.
        shadow.put(user.name, None, [user.password, "", "", "", "", "", "", ""])
    if "root" not in {*empty_passwords, *(user.name for user in users)}:
        if passwd.lock("root", "x") and "root" not in shadow.rows:
            shadow.put("root", None, [_LOCKED, *[""] * 7])
        shadow.lock("root", _LOCKED)
    entries: dict[TreePath, Entry] = {}
    for table, mode in ((passwd, 0o644), (group, 0o644), (shadow, 0o640)):
        entries[table.place] = table.entry(mode, origin)
    tree = tree.with_entries(entries)
    homes = {user.home: user for user in everyone if user.create_home and user.home != "/"}
    return _with_homes(tree, homes, origin)


def _two_numbers(user: User, gid: int) -> Conflict:
    return Conflict(
        f"the recipe gives the group {user.name} the number {gid}, and the user of that name "
        f"the group {user.gid}, which has no name",
        f"say gid: {gid} for the user, or name the group {user.gid} under groups:",
    )


def _with_homes(tree: Rootfs, homes: dict[str, User], origin: Origin) -> Rootfs:
    created: dict[TreePath, Entry] = {}
    for home, user in homes.items():
        place = tree.locate(tree_path(home))
        if place not in tree:
            created[place] = Directory(Meta(0o755, user.uid, user.gid), (origin,))
    return tree.with_entries(created) if created else tree


def check_passwords(tree: Rootfs, empty_passwords: Collection[str] = ()) -> None:
    """Raises ImageError for accounts without a password in passwd or shadow, which any user could become.

    Those among `empty_passwords` are allowed.
    """
    found = {
        name: path for path in (SHADOW, PASSWD) for name in _without_password(tree, path) if name not in empty_passwords
    }
    if found:
        lines = [f"{path} gives {name} an empty password" for name, path in sorted(found.items())]
        locked = "lock root with accounts: {}, " if "root" in found else ""
        raise ImageError(
            "\n".join(lines) + "\nany user of a container could become them",
            f'{locked}give a hash or "*" under accounts: users:, or allow it with accounts: '
            f"{{empty_passwords: [{', '.join(sorted(found))}]}}",
        )


def _without_password(tree: Rootfs, path: TreePath) -> Iterator[str]:
    """The names in passwd or shadow whose second field is empty; lines as libc reads them, which passes over blanks."""
    entry = tree.find(path)
    if not isinstance(entry, File):
        return
    if entry.content.size > _MAX_FILE:
        raise ImageError(f"{path} has {entry.content.size} bytes", "no list of accounts is so long; see what it is")
    for line in decode(read(entry.content)).split("\n"):
        fields = line.lstrip().split(":")
        if len(fields) > 1 and fields[0] and not fields[1] and fields[0][0] not in "#+-":
            yield fields[0]


class _Table:
    """One of the three files: rows by name, in their order."""

    def __init__(self, tree: Rootfs, path: TreePath) -> None:
        self.place = tree.locate(path)
        self.present = tree.find(path)
        if self.present is not None and not isinstance(self.present, File):
            raise Conflict(f"{path} is not a file", "leave it out of the tree, so that it can be written")
        text = decode(read(self.present.content)) if self.present else ""
        # Not splitlines(), which breaks lines at more than the line feed.
        self.rows: dict[str, str] = {}
        for number, line in enumerate(filter(str.strip, text.split("\n"))):
            name = line.partition(":")[0]
            # Of two lines for a name the first counts; the other stays where it is, as comments do.
            self.rows[f"#{number}" if line.startswith("#") or name in self.rows else name] = line

    def lock(self, name: str, word: str) -> bool:
        """Put `word` where lines of this name have an empty password; whether one had."""
        locked = False
        for key, line in self.rows.items():
            fields = line.split(":")
            if len(fields) > 1 and fields[0].lstrip() == name and not fields[1]:
                self.rows[key] = ":".join((fields[0], word, *fields[2:]))
                locked = True
        return locked

    def numbers(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for name, line in self.rows.items():
            fields = line.split(":")
            if not name.startswith("#") and len(fields) > 2 and re.fullmatch("[0-9]{1,10}", fields[2]):
                found.setdefault(int(fields[2]), name)
        return found

    def give_up(self, numbers: Collection[int]) -> None:
        """Remove the placeholder of each of these numbers."""
        for name, line in [*self.rows.items()]:
            if line in _PLACEHOLDERS and int(line.split(":")[2]) in numbers:
                del self.rows[name]

    def put(self, name: str, number: int | None, fields: Sequence[str]) -> None:
        for field in (name, *fields):
            if ":" in field or "\n" in field:
                raise UsageError(f"{field!r} cannot stand in {self.place}", "leave out colons and line breaks")
        if number is not None:
            self.give_up((number,))
        owner = self.numbers().get(number) if number is not None else None
        if owner not in (None, name):
            raise Conflict(
                f"{self.place} gives the number {number} to {owner} already, and the recipe to {name}",
                "choose another number, or the same name",
            )
        self.rows[name] = ":".join((name, *fields))

    def entry(self, mode: int, origin: Origin) -> File:
        data = Inline(encode("".join(f"{line}\n" for line in self.rows.values())))
        if isinstance(self.present, File):
            return File(self.present.meta, data, (*self.present.origins, origin))
        return File(Meta(mode), data, (origin,))

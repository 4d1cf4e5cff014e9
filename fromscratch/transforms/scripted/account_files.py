"""passwd(5), group(5), shadow(5) and gshadow(5) of a tree, changed row by row."""

from collections.abc import Collection, Iterable

from fromscratch import paths
from fromscratch.errors import ImageError
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, File, Meta, Origin
from fromscratch.paths import TreePath, decode, encode
from fromscratch.transforms.accounts import GROUP, PASSWD, ROOT_GROUP, ROOT_USER, SHADOW
from fromscratch.transforms.scripted.account_numbers import SYSTEM, GivenNumbers, stable_number

GSHADOW = TreePath("/etc/gshadow")
_MODES = {PASSWD: 0o644, GROUP: 0o644, SHADOW: 0o640, GSHADOW: 0o640}
_COLUMNS = {PASSWD: 7, GROUP: 4, SHADOW: 9, GSHADOW: 4}
_MAX_FILE = 16 << 20
Row = list[str]


class AccountNumbers:
    """Numbers that the recipe gives to names, and that no other account may get."""

    def __init__(self) -> None:
        self.users: dict[str, int] = {}
        self.groups: dict[str, int] = {}

    def add(self, given: GivenNumbers) -> None:
        self.users |= given.users
        self.groups |= given.groups

    def choose(self, name: str, used: Collection[int], numbers: range = SYSTEM) -> int | None:
        """The number for a new account, or for both of a user and a group of one name; None if there is none left."""
        for given in (self.users, self.groups):
            if name in given:
                return given[name]
        others = {number for given in (self.users, self.groups) for each, number in given.items() if each != name}
        return stable_number(name, {*used, *others}, numbers)


class Table:
    """The rows of one file in their order. A row is the list of its fields; lines that are no account are kept."""

    def __init__(self, tree: ChangingTree, path: TreePath) -> None:
        self.path = path
        entry = tree.find(path)
        self.present = entry if isinstance(entry, File) else None
        if self.present and self.present.content.size > _MAX_FILE:
            raise ImageError(f"{path} has {self.present.content.size} bytes", "no list of accounts is so long")
        text = decode(read(self.present.content)) if self.present else ""
        self.rows: list[Row] = [line.split(":") for line in text.split("\n") if line.strip()]
        self._before = text

    def find(self, name: str) -> Row | None:
        return next((row for row in self.rows if row[0] == name and self._is_account(row)), None)

    def numbered(self, number: int) -> Row | None:
        """The first account with this number; for the two files that have numbers."""
        return next((row for row in self.rows if self._is_account(row) and row[2] == str(number)), None)

    def numbers(self) -> dict[str, int]:
        """The numbers by name."""
        accounts = (row for row in self.rows if self._is_account(row))
        return {row[0]: int(row[2]) for row in accounts if row[2].isascii() and row[2].isdigit() and len(row[2]) < 11}

    def put(self, row: Row) -> None:
        """Put a row in the place of the one with its name, or at the end."""
        for field in row:
            if ":" in field or "\n" in field:
                raise ImageError(f"{field!r} cannot stand in {self.path}", "leave out colons and line breaks")
        present = self.find(row[0])
        if present is None:
            self.rows.append(row)
        else:
            present[:] = row

    def remove(self, name: str) -> None:
        self.rows = [row for row in self.rows if row[0] != name or not self._is_account(row)]

    def save(self, tree: ChangingTree, origin: Origin, group: int = 0) -> None:
        """Write the file where a row has changed; a new one belongs to this group."""
        text = "".join(":".join(row) + "\n" for row in self.rows)
        if text == self._before:
            return
        content = Inline(encode(text))
        if self.present:
            known = self.present.origins
            origins = known if origin in known else (*known, origin)
            tree.put(self.path, File(self.present.meta, content, origins))
        else:
            tree.put(self.path, File(Meta(_MODES[self.path], 0, group), content, (origin,)))

    def _is_account(self, row: Row) -> bool:
        return len(row) >= _COLUMNS[self.path] and row[0] != "" and row[0][0] not in "+-#"


class AccountFiles:
    """The files of a tree as they are now; `save` writes them back. gshadow is kept only where there is one."""

    def __init__(self, tree: ChangingTree, given: AccountNumbers | None = None) -> None:
        self._tree, self._given = tree, given or AccountNumbers()
        self.users, self.groups = Table(tree, PASSWD), Table(tree, GROUP)
        self.passwords, self.group_passwords = Table(tree, SHADOW), Table(tree, GSHADOW)

    def number(self, name: str, numbers: range = SYSTEM) -> int | None:
        """The number for a new account, or for both of a user and a group of one name; None if there is none left."""
        tables = self.users.numbers(), self.groups.numbers()
        used = {number for table in tables for other, number in table.items() if other != name}
        present = tables[1].get(name)
        if name not in self._given.users and present in numbers and present not in used:
            return present
        return self._given.choose(name, used, numbers)

    def group_number(self, name: str, numbers: range = SYSTEM) -> int | None:
        """The number for a new group; None if there is none left."""
        return self._given.groups.get(name) or self.number(name, numbers)

    def own_group_number(self, name: str, uid: int) -> int | None:
        """The number for the new group of a new user: the user's, where the recipe gives no other and it is free."""
        if name not in self._given.groups and self.groups.numbered(uid) is None:
            return uid
        return self.group_number(name)

    def add_group(self, name: str, gid: int, members: Iterable[str] = ()) -> None:
        if not self.groups.rows:
            self.groups.put([ROOT_GROUP.name, "x", str(ROOT_GROUP.gid), ""])
        self.groups.put([name, "x", str(gid), ",".join(members)])
        if self.group_passwords.present:
            self.group_passwords.put([name, "!", "", ",".join(members)])

    def add_user(self, name: str, uid: int, gid: int, *, comment: str, home: str, shell: str, password: str) -> None:
        """The day of the last change of the password stays empty, so that the image does not depend on the day."""
        if not self.users.rows:
            root = ROOT_USER
            self.users.put([root.name, "*", "0", "0", root.comment, root.home, root.shell])
        self.users.put([name, "x", str(uid), str(gid), comment, home, shell])
        self.passwords.put([name, password, *[""] * 7])

    def members(self, group: str) -> list[str]:
        row = self.groups.find(group)
        return [name for name in row[3].split(",") if name] if row else []

    def set_members(self, group: str, members: Iterable[str]) -> None:
        text = ",".join(dict.fromkeys(members))
        for table in (self.groups, self.group_passwords):
            row = table.find(group)
            if row is not None:
                row[3] = text

    def of_user(self, user: str) -> list[str]:
        """The groups that list the user as a member."""
        return [row[0] for row in self.groups.rows if len(row) >= 4 and user in row[3].split(",")]

    def remove_user(self, name: str) -> None:
        for group in self.of_user(name):
            self.set_members(group, (each for each in self.members(group) if each != name))
        self.users.remove(name)
        self.passwords.remove(name)

    def remove_user_and_group(self, row: Row) -> None:
        """Remove a user by its row in passwd, and the group of its name where that is its own and has no members."""
        name, own = row[0], self.groups.find(row[0])
        self.remove_user(name)
        if own is not None and own[2] == row[3] and not self.members(name):
            self.remove_group(name)

    def remove_group(self, name: str) -> None:
        self.groups.remove(name)
        self.group_passwords.remove(name)

    def make_home(self, home: str, owner: tuple[int, int], mode: int, origin: Origin) -> TreePath | None:
        """Make a home folder where nothing is; its place if it was made."""
        if not home.startswith("/") or self._tree.find(home) is not None:
            return None
        made = Directory(Meta(mode, *owner), (origin,))
        return self._tree.put(paths.tree_path(home), made)

    def save(self, origin: Origin) -> None:
        for table in (self.users, self.groups):
            table.save(self._tree, origin)
        shadow = self.groups.numbers().get("shadow", 0)  # whose programs look passwords up
        for table in (self.passwords, self.group_passwords):
            table.save(self._tree, origin, shadow)

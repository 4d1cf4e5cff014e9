"""What a root holds, by names of owners instead of numbers, which differ between any two installations."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.model.content import Content, HostFile
from fromscratch.model.entry import Directory, Entry, File, HardLink, Symlink, kind_of
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, matcher

_MOUNTED = matcher(["/dev/**", "/proc/**", "/sys/**", "/tmp/**"])
_OF_ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")
_TEXTS = matcher(["/etc/**", "/var/lib/**", "/var/www/**"])
_LONGEST_TEXT = 1 << 16


class Item(Struct, frozen=True):
    """An entry, or an account: `detail` is a link's target, a file's digest, or the fields of an account."""

    kind: str
    mode: int = 0
    owner: str = ""
    group: str = ""
    detail: str = ""
    text: str = ""
    """The content of a short file that may be configuration, to show where two differ."""


Listing = Mapping[str, Item]
"""Items by path; accounts by `user NAME` and `group NAME`."""


class _Names(Struct, frozen=True):
    """The names of user and group numbers in a root."""

    users: Mapping[int, str]
    groups: Mapping[int, str]


def of_tree(tree: Rootfs) -> Listing:
    """The listing of a tree of ours."""
    texts = {path: _read(entry.content) for path in _OF_ACCOUNTS if isinstance(entry := tree.find(path), File)}
    names, found = _names(texts), _accounts(texts)
    for path, entry in tree.items():
        if not _MOUNTED(path) and path != "/":
            found[path] = _item(path, tree[entry.target] if isinstance(entry, HardLink) else entry, names)
    return found


def _item(path: TreePath, entry: Entry, names: _Names) -> Item:
    meta = entry.meta
    owner, group = names.users.get(meta.uid, str(meta.uid)), names.groups.get(meta.gid, str(meta.gid))
    match entry:
        case Symlink():
            return Item("symlink", 0o777, owner, group, entry.target)
        case File():
            return _file(path, entry.content, Item("file", meta.mode, owner, group))
        case Directory():
            return Item("directory", meta.mode, owner, group)
        case _:
            return Item(kind_of(entry), meta.mode, owner, group)


def _file(path: str, content: Content, item: Item) -> Item:
    data = _read(content)
    text = data.decode("latin-1") if len(data) <= _LONGEST_TEXT and _TEXTS(TreePath(path)) and b"\0" not in data else ""
    return Item(item.kind, item.mode, item.owner, item.group, str(Digest.of(data)), text)


def _read(content: Content) -> bytes:
    with content.open() as stream:
        return stream.read()


def of_folder(root: Path, unchanged: Listing | None = None, upper: Path | None = None) -> Listing:
    """The listing of a folder of this machine.

    `unchanged` is the listing of what lies below an overlay, of which `upper` has all that is otherwise: a file that is
    not there is not read again.
    """
    texts = {path: Path(f"{root}{path}").read_bytes() for path in _OF_ACCOUNTS if Path(f"{root}{path}").exists()}
    names, found = _names(texts), _accounts(texts)
    for path, facts in _walk(root):
        known = (unchanged or {}).get(path)
        owner, group = (
            names.users.get(facts.st_uid, str(facts.st_uid)),
            names.groups.get(facts.st_gid, str(facts.st_gid)),
        )
        item = Item("", stat.S_IMODE(facts.st_mode), owner, group)
        place = f"{root}{path}"
        if stat.S_ISLNK(facts.st_mode):
            found[path] = Item("symlink", 0o777, owner, group, str(Path(place).readlink()))
        elif stat.S_ISDIR(facts.st_mode):
            found[path] = Item("directory", item.mode, owner, group)
        elif not stat.S_ISREG(facts.st_mode):
            found[path] = Item("device", item.mode, owner, group)
        elif known is not None and upper is not None and not os.path.lexists(f"{upper}{path}"):
            found[path] = Item("file", item.mode, owner, group, known.detail, known.text)
        else:
            found[path] = _file(path, HostFile.of(place, facts), Item("file", item.mode, owner, group))
    return found


def _walk(root: Path, folder: str = "") -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(f"{root}{folder}") as found:
        for entry in found:
            path = f"{folder}/{entry.name}"
            if _MOUNTED(TreePath(path)):
                continue
            yield path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path)


def _lines(data: bytes) -> list[list[str]]:
    return [line.split(":") for line in data.decode("utf-8", "replace").splitlines() if line.count(":") >= 2]


def _names(texts: Mapping[str, bytes]) -> _Names:
    users = {int(fields[2]): fields[0] for fields in _lines(texts.get("/etc/passwd", b""))}
    groups = {int(fields[2]): fields[0] for fields in _lines(texts.get("/etc/group", b""))}
    return _Names({0: "root", **users}, {0: "root", **groups})


def _accounts(texts: Mapping[str, bytes]) -> dict[str, Item]:
    """The accounts of a root, without numbers, dates and passwords."""
    names = _names(texts)
    passwords = {fields[0]: fields[1] for fields in _lines(texts.get("/etc/shadow", b""))}
    found = {}
    for fields in _lines(texts.get("/etc/passwd", b"")):
        name, password, _, gid, _, home, shell = (fields + [""] * 7)[:7]
        # Nobody can log in where the password is said to be in a shadow file that does not have it.
        password = passwords.get(name, "*") if password == "x" else password
        state = "locked" if password.startswith(("!", "*")) else "open"
        group = names.groups.get(int(gid), gid)
        found[f"user {name}"] = Item("user", detail=f"group {group}, home {home}, shell {shell}, {state}")
    for fields in _lines(texts.get("/etc/group", b"")):
        members = sorted(filter(None, (fields + [""] * 4)[3].split(",")))
        found[f"group {fields[0]}"] = Item("group", detail=",".join(members))
    return found

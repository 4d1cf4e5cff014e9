"""The few files of /etc, and /tmp, that most programs expect and a tree of programs alone does not have."""

from msgspec.structs import replace

from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, file, is_implied
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, encode
from fromscratch.transforms.accounts import GROUP, PASSWD, PLACEHOLDER_GROUP, PLACEHOLDER_USER

_PASSWD = f"""\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
{PLACEHOLDER_USER}
"""
_GROUP = f"""\
root:x:0:
nogroup:x:65534:
{PLACEHOLDER_GROUP}
"""
_MAX_FILE = 1 << 20


def with_etc(tree: Rootfs, origin: Origin) -> Rootfs:
    """The tree with a minimal passwd, group and /tmp, each where it has nothing of the name."""
    made: dict[TreePath, Entry] = {}
    for path, text in (("/etc/passwd", _PASSWD), ("/etc/group", _GROUP)):
        if tree.find(path, follow_last=False) is None:
            made[tree.locate(TreePath(path))] = file(Inline(text.encode()), origin)
    temporary = tree.find("/tmp", follow_last=False)
    if temporary is None or is_implied(temporary):  # as the parent of what was added alone, nobody could write there
        made[tree.locate(TreePath("/tmp"))] = Directory(Meta(0o1777), (origin,))
    return tree.with_entries(made) if made else tree


def with_account(tree: Rootfs, numbers: str, origin: Origin) -> Rootfs:
    """The tree with a line in passwd and in group for UID[:GID], where no line has the number.

    Programs such as initdb, ssh and git end where getpwuid(3) does not know who runs them.
    """
    uid, _, gid = numbers.partition(":")
    if not uid:
        return tree
    gid = gid or uid
    tree = _with_line(tree, PASSWD, uid, f"user{uid}:x:{uid}:{gid}::/:/sbin/nologin", origin)
    return _with_line(tree, GROUP, gid, f"group{gid}:x:{gid}:", origin)


def _with_line(tree: Rootfs, path: TreePath, number: str, line: str, origin: Origin) -> Rootfs:
    entry = tree.find(path)
    if not isinstance(entry, File) or entry.content.size > _MAX_FILE:
        return tree
    text = decode(read(entry.content))
    if any(row.split(":")[2:3] == [number] for row in text.splitlines()):
        return tree
    data = encode(f"{text.rstrip(chr(10))}\n{line}\n")
    changed = replace(entry, content=Inline(data), origins=(*entry.origins, origin))
    return tree.with_entries({tree.locate(path): changed})

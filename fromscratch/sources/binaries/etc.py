"""The few files of /etc, and /tmp, that most programs expect and a tree of programs alone does not have."""

from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, Meta, Origin, file, is_implied
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.transforms.accounts import PLACEHOLDER_GROUP, PLACEHOLDER_USER

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

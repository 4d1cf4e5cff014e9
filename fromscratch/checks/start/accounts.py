"""The user that a container runs as, in the image's own files."""

from fromscratch.checks.start.finding import Finding
from fromscratch.errors import UsageError
from fromscratch.formats.glibc.passwd import Identity, identity
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import decode, shown

_MAX_FILE = 16 << 20
_ROOT = Identity(0, 0)


def identity_of(tree: Rootfs, user: str) -> tuple[Identity, list[Finding]]:
    """Who `user` is in the image; root, and an error, for one whom its files do not know."""
    try:
        return identity(tree, user), []
    except UsageError:
        return _ROOT, [_unknown(tree, user)]


def _unknown(tree: Rootfs, user: str) -> Finding:
    name, _, group = user.partition(":")
    for word, path, key in ((name, "/etc/passwd", "users"), (group, "/etc/group", "groups")):
        names = names_in(tree, path)
        if names is None and word and not _is_number(word):
            text = f"image.user: {shown(word)!r} needs {path}, which is not in the image"
            return Finding("error", text, f"add it with accounts: {key}:, or write a number")
        if word and word not in (names or ()) and not _is_number(word):
            near = nearest(word, names or ())
            guess = f"did you mean {shown(near[0])}? Or " if near else ""
            hint = f"{guess}add it with accounts: {key}:, or write a number"
            return Finding("error", f"image.user: {path} of the image has no {shown(word)!r}", hint)
    return Finding("error", f"image.user: {shown(user)!r} is not a user", "write a name or number of the image")


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word[:20]) < 1 << 32


def names_in(tree: Rootfs, path: str) -> list[str] | None:
    """The names in passwd or group; None without such a file."""
    entry = tree.find(path)
    if not isinstance(entry, File) or entry.content.size > _MAX_FILE:
        return None
    lines = decode(read(entry.content)).split("\n")
    return [line.partition(":")[0] for line in lines if ":" in line and not line.startswith("#")]


def has_number(tree: Rootfs, uid: int) -> bool:
    """Whether /etc/passwd gives this number a name."""
    entry = tree.find("/etc/passwd")
    if not isinstance(entry, File) or entry.content.size > _MAX_FILE:
        return False
    rows = (line.split(":") for line in decode(read(entry.content)).split("\n"))
    return any(len(row) > 2 and row[2] == str(uid) for row in rows)

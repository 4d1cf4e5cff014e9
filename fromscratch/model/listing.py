"""One line per entry: the dialect of `ls`, `diff` and golden tests.

    d 0755 0:0 /bin
    f 4755 0:0 12 /bin/su
    l 0777 0:0 /bin/sh -> busybox
    h 0755 0:0 /bin/ash => /bin/busybox
    c 0666 0:0 1,3 /dev/null
    p 0600 0:0 /run/queue
    f 0755 0:0 7 /bin/ping {security.capability=0x0100}

Fields are kind, mode, owner:group (numbers), size in bytes or major,minor, and path. Bytes of a
name that are not printable UTF-8, and blanks and backslashes, are written \\xNN, so that a line
splits at its blanks.
"""

from collections.abc import Iterator
from typing import assert_never

from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Symlink, kind_of
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, encode


def lines(tree: Rootfs) -> Iterator[str]:
    """Every entry of the tree, in order."""
    for path, entry in tree.items():
        yield line(path, entry)


def line(path: TreePath, entry: Entry, most: int | None = None) -> str:
    """The one line for an entry; of an attribute no more than `most` bytes, if that is given."""
    meta = entry.meta
    head = f"{meta.mode:04o} {meta.uid}:{meta.gid}"
    where = quoted(path)
    match entry:
        case Directory():
            text = f"d {head} {where}"
        case File():
            text = f"f {head} {entry.content.size} {where}"
        case Symlink():
            text = f"l {head} {where} -> {quoted(entry.target)}"
        case HardLink():
            text = f"h {head} {where} => {quoted(entry.target)}"
        case Device():
            text = f"{entry.kind} {head} {entry.major},{entry.minor} {where}"
        case Fifo():
            text = f"p {head} {where}"
        case _:
            assert_never(entry)
    if meta.xattrs:
        text += " {" + " ".join(f"{quoted(key)}=0x{_cut(value, most)}" for key, value in meta.xattrs) + "}"
    return text


def _cut(value: bytes, most: int | None) -> str:
    if most is None or len(value) <= most:
        return value.hex()
    return f"{value[:most].hex()}… ({len(value)} bytes)"


def quoted(text: str) -> str:
    """A name fit for one line: what is not plainly visible becomes \\xNN, byte by byte."""
    if text.isprintable() and " " not in text and "\\" not in text:
        return text
    return "".join(
        char if char.isprintable() and char not in " \\" else "".join(f"\\x{byte:02x}" for byte in encode(char))
        for char in text
    )


def facts(path: TreePath, entry: Entry) -> dict[str, object]:
    """What `line` says, for a program: names quoted as there, so that any name fits into JSON."""
    known: dict[str, object] = {
        "path": quoted(path),
        "type": kind_of(entry),
        "mode": f"{entry.meta.mode:04o}",
        "uid": entry.meta.uid,
        "gid": entry.meta.gid,
    }
    match entry:
        case File():
            known["size"] = entry.content.size
        case Symlink() | HardLink():
            known["target"] = quoted(entry.target)
        case Device():
            known["device"] = f"{entry.major},{entry.minor}"
        case Directory() | Fifo():
            pass
        case _:
            assert_never(entry)
    if entry.meta.xattrs:
        known["xattrs"] = {quoted(key): value.hex() for key, value in entry.meta.xattrs}
    return known

"""Trees as text: what a test expects is one line per path, in the dialect of `model.listing`.

A file may carry its bytes as a Python literal at the end of its line:

    f 0644 0:0 /etc/hostname 'hello\\n'
"""

import ast
import re

from fromscratch.model import listing
from fromscratch.model.content import Inline
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, tree_path


def listed(tree: Rootfs) -> str:
    """The whole tree, a line an entry, without the root when it is a plain one."""
    rows = list(listing.lines(tree))
    if rows and rows[0] == "d 0755 0:0 /":
        rows = rows[1:]
    return "\n".join(rows)


def text(block: str) -> str:
    """An indented block of lines, as `listed` gives them."""
    return "\n".join(line.strip() for line in block.strip().splitlines())


def tree(block: str) -> Rootfs:
    """The tree that the lines describe. Sizes of files are not written; their bytes are."""
    return Rootfs(dict(_entry(line.strip()) for line in block.strip().splitlines() if line.strip()))


def _entry(line: str) -> tuple[TreePath, Entry]:
    line, xattrs = _xattrs(line)
    kind, mode, owner, rest = line.split(" ", 3)
    uid, gid = (int(number) for number in owner.split(":"))
    meta = Meta(int(mode, 8), uid, gid, 0, xattrs)
    match kind:
        case "d":
            return tree_path(_unquoted(rest)), Directory(meta)
        case "f":
            where, _, literal = rest.partition(" ")
            data = ast.literal_eval(literal) if literal else ""
            raw = data if isinstance(data, bytes) else data.encode()
            return tree_path(_unquoted(where)), File(meta, Inline(raw))
        case "l":
            where, _, target = rest.partition(" -> ")
            return tree_path(_unquoted(where)), Symlink(meta, _unquoted(target))
        case "h":
            where, _, target = rest.partition(" => ")
            return tree_path(_unquoted(where)), HardLink(meta, tree_path(_unquoted(target)))
        case "c" | "b":
            numbers, where = rest.split(" ", 1)
            major, minor = (int(number) for number in numbers.split(","))
            return tree_path(_unquoted(where)), Device(meta, "c" if kind == "c" else "b", major, minor)
        case "p":
            return tree_path(_unquoted(rest)), Fifo(meta)
    raise ValueError(f"no such kind of entry: {line}")


def _xattrs(line: str) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    found = re.search(r" \{(.*)\}$", line)
    if not found:
        return line, ()
    pairs = (pair.split("=0x") for pair in found[1].split(" "))
    return line[: found.start()], tuple((_unquoted(key), bytes.fromhex(value)) for key, value in pairs)


def _unquoted(quoted: str) -> str:
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), quoted.encode())
    return decode(raw)

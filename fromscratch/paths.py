"""Paths inside a root filesystem tree: parsing, parents, order and globs.

A `TreePath` is an absolute path inside a root: `/` or `/usr/bin/sh`. It has no empty, `.` or `..`
component and no trailing slash. Names are Linux names, that is, bytes: a byte that is not UTF-8 is
kept as a lone surrogate (PEP 383), so every name survives the way in and out.
"""

from collections.abc import Callable, Iterable, Iterator

from fromscratch.errors import FormatError, UnsafePath
from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NewType

    TreePath = NewType("TreePath", str)
else:
    TreePath = str

ROOT = TreePath("/")
MAX_NAME, MAX_PATH = 255, 4095
"""Bytes: NAME_MAX, and PATH_MAX without the NUL."""


def decode(raw: bytes) -> str:
    """The text of a name or path of any bytes; `encode` gives the same bytes back."""
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes that `decode` had read. Raises UnsafePath for text that stands for no bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UnsafePath(
            f"the name {text!r} has a character that no file name can hold",
            "write the name in UTF-8",
        ) from error


def tree_path(text: str) -> TreePath:
    """`text` as a path below the root, whether or not it starts with a slash.

    Empty and `.` components fall away. Raises UnsafePath for a `..` component, which could lead
    outside the root, and for a NUL, which no name can hold.
    """
    if "\0" in text:
        raise UnsafePath(f"the path {text!r} holds a NUL byte", "take it out of the archive or recipe")
    parts = [part for part in text.split("/") if part and part != "."]
    if ".." in parts:
        raise UnsafePath(
            f"the path {text!r} leads outside the root",
            "a path inside an image has no '..'; fix the archive or recipe that holds it",
        )
    return TreePath("/" + "/".join(parts))


def check_length(path: bytes) -> None:
    """Raises FormatError for a path, seen from the root, that no Linux can have."""
    if len(path) <= MAX_NAME:
        return
    length = len(path.rstrip(b"/"))  # an archive ends a folder's name in one
    longest = max(map(len, path.split(b"/")))
    if longest > MAX_NAME or length > MAX_PATH:
        raise FormatError(
            f"its name has {length} bytes, of which {longest} between two slashes;"
            f" Linux allows {MAX_PATH} and {MAX_NAME}",
            "give it a shorter name",
        )


def parent(path: TreePath) -> TreePath:
    """The directory that holds `path`; the root is its own parent, as in POSIX."""
    return TreePath(path.rpartition("/")[0] or "/")


def name(path: TreePath) -> str:
    """The last component; empty for the root."""
    return path.rpartition("/")[2]


def join(directory: TreePath, child: str) -> TreePath:
    """`child`, one plain component, below `directory`."""
    return TreePath(f"{directory}/{child}" if directory != ROOT else f"/{child}")


def ancestors(path: TreePath) -> Iterator[TreePath]:
    """Every directory above `path`, the root first."""
    if path == ROOT:
        return
    yield ROOT
    end = path.find("/", 1)
    while end > 0:
        yield TreePath(path[:end])
        end = path.find("/", end + 1)


def is_within(path: TreePath, top: TreePath) -> bool:
    """Whether `path` is `top` or below it, by whole components: /foo does not hold /foobar."""
    return top == ROOT or path == top or path.startswith(f"{top}/")


def sort_key(path: TreePath) -> str:
    """Orders paths by components, so that a directory stands directly before what it holds."""
    return path.replace("/", "\0")


def matcher(patterns: Iterable[str]) -> Callable[[TreePath], bool]:
    """A predicate for paths by globs: `*`, `?` and `[a-z]` or `[!a-z]` stay within a component, `**` crosses them.

    A pattern without a slash at its start matches at any depth (`*.a`). What matches takes all
    below it along. Raises UnsafePath as `tree_path` does.
    """
    expressions = [_glob(pattern) for pattern in patterns]
    if not expressions:
        return lambda path: False
    import re

    compiled = re.compile("|".join(expressions), re.DOTALL)
    return lambda path: compiled.fullmatch(path) is not None


def _glob(pattern: str) -> str:
    from re import escape

    anchored = pattern.startswith("/")
    text = tree_path(pattern)[1:]
    out = ["/" if anchored else "(?:/.*)?/"]
    position = 0
    while position < len(text):
        char = text[position]
        if text.startswith("**/", position):
            out.append("(?:.*/)?")
            position += 3
            continue
        if text.startswith("**", position):
            out.append(".+")
            position += 2
            continue
        negated = text[position + 1 : position + 2] in ("!", "^")
        closing = text.find("]", position + 2 + negated) if char == "[" else -1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif closing > 0:
            out.append(_class(text[position + 1 + negated : closing], negated))
            position = closing
        else:
            out.append(escape(char))
        position += 1
    return "".join(out) + "(?:/.*)?"


def _class(members: str, negated: bool) -> str:
    """One character that is, or is not, among these and their ranges; never a slash: glob(7)."""
    import re

    spans = re.findall(r"(.)-(.)|(.)", members, re.DOTALL)
    pairs = [(first or one, last or one) for first, last, one in spans]
    among = "".join(f"{re.escape(first)}-{re.escape(last)}" for first, last in pairs if first <= last)
    if not among:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{among}]"


def shown(text: str) -> str:
    """A name or a message on one line of a terminal: what is not plainly visible becomes \\xNN, byte by byte."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "".join(f"\\x{byte:02x}" for byte in encode(char)) for char in text)

"""A digest over a file or all that is below a folder, which changes when what is built of it would."""

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from fromscratch.errors import ImageError
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.verified_files import is_settled

_NEVER = frozenset({".git", "__pycache__"})
_RECORD = "folder-digests"


Grouping = Callable[[str], str | None]
"""The part that a path below the top belongs to; None for what does not count."""


def content_digest(path: Path, store: Store, *, besides: Collection[str] = ()) -> str:
    """The digest of all names, kinds, execute bits and bytes; of a symlink also those of the file that it leads to.

    What git and Python leave in folders does not count, nor do the paths `besides`, which start at the top. Kept by
    what stat(2) says of each file, so that nothing is read twice. Raises ImageError for what cannot be read.
    """
    return content_digests(path, store, lambda _: lambda name: "", "", besides=besides)[""]


def content_digests(
    path: Path,
    store: Store,
    grouping: Callable[[Collection[str]], Grouping],
    version: str,
    *,
    besides: Collection[str] = (),
) -> dict[str, str]:
    """The same for each part of what is below `path`. `grouping` makes the rule for parts out of all names.

    `version` stands for that rule: digests are kept for each.
    """
    try:
        found = list(_walk(os.fspath(path), besides))
        seen = hashlib.sha256(os.fsencode(f"{version}\n{path}"))
        for place, name, state in found:
            seen.update(b"%b\0%a\n" % (os.fsencode(name), _facts(place, state)))
        key = seen.hexdigest()
        if known := store.record(_RECORD, key):
            return msgspec.json.decode(known, type=dict[str, str])
        parts: dict[str, Any] = {}
        rule = grouping([name for _, name, _ in found])
        for place, name, state in found:
            if (part := rule(name)) is not None:
                whole = parts.setdefault(part, hashlib.sha256())
                whole.update(b"%b\0%b\n" % (os.fsencode(name), _content(Path(place), state)))
    except OSError as error:
        raise ImageError(f"cannot read {error.filename or path}: {error.strerror}", "make it readable") from error
    digests = {part: whole.hexdigest() for part, whole in parts.items()}
    if all(is_settled(state.st_ctime_ns) for _, _, state in found):
        store.write_record(_RECORD, key, msgspec.json.encode(digests))
    return digests


def _walk(top: str, besides: Collection[str]) -> Iterator[tuple[str, str, os.stat_result]]:
    """The path itself, as what it leads to, and all below it: where it lies, its name, and what lstat(2) says."""
    pending = [(top, "", os.stat(top))]  # noqa: PTH116  text: a Path for each of 20000 files costs half a second
    while pending:
        place, name, state = pending.pop()
        yield place, name, state
        if stat.S_ISDIR(state.st_mode):
            with os.scandir(place) as entries:
                below = sorted(
                    (entry.name, entry.path, entry.stat(follow_symlinks=False))
                    for entry in entries
                    if entry.name not in _NEVER and (f"{name}/{entry.name}" if name else entry.name) not in besides
                )
            pending += [(path, f"{name}/{child}" if name else child, state) for child, path, state in reversed(below)]


def _facts(place: str, state: os.stat_result) -> tuple[int, ...]:
    if stat.S_ISDIR(state.st_mode):
        return (state.st_mode,)
    own = (state.st_mode, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    target = _target(Path(place)) if stat.S_ISLNK(state.st_mode) else None
    return own + _facts(place, target) if target else own


def _target(link: Path) -> os.stat_result | None:
    """What stat(2) says of the file that a symlink leads to; None for anything else, or nothing, there."""
    try:
        state = link.stat()
    except OSError:
        return None
    return state if stat.S_ISREG(state.st_mode) else None


def _content(path: Path, state: os.stat_result) -> bytes:
    link = b""
    if stat.S_ISLNK(state.st_mode):
        link, state = b"-> %b " % os.fsencode(path.readlink()), _target(path) or state
    if not stat.S_ISREG(state.st_mode):
        return link + b"%o" % stat.S_IFMT(state.st_mode)
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return link + b"%o %b" % (state.st_mode & 0o111, digest.encode())

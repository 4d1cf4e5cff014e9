"""Layers as engines make them: the difference of two roots as a tar with whiteouts (image-spec/layer.md)."""

import random
from collections.abc import Iterator
from typing import Literal

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.formats.tar.header import BLOCK, header
from fromscratch.model import listing
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, encode

_KINDS: tuple[Literal["c", "b"], ...] = ("c", "b")
END = bytes(2 * BLOCK)
_BILLION = 10**9
_FLAGS = {Directory: b"5", File: b"0", Symlink: b"2", HardLink: b"1", Fifo: b"6"}


def member(path: TreePath, entry: Entry) -> bytes:
    """One entry of a tar."""
    name = encode(path)[1:] + (b"/" if isinstance(entry, Directory) else b"")
    match entry:
        case File():
            data = read(entry.content)
            return header(name, b"0", entry.meta, size=len(data)) + data + bytes(-len(data) % BLOCK)
        case Device():
            kind = b"3" if entry.kind == "c" else b"4"
            return header(name, kind, entry.meta, device=(entry.major, entry.minor))
        case Symlink():
            return header(name, b"2", entry.meta, link=encode(entry.target))
        case HardLink():
            return header(name, b"1", entry.meta, link=encode(entry.target)[1:])
        case _:
            return header(name or b"./", _FLAGS[type(entry)], entry.meta)


def whiteout(path: TreePath) -> bytes:
    return header(encode(path)[1:], b"0", Meta(0o644))


def changeset(before: Rootfs, after: Rootfs, chance: random.Random, *, tame: bool = True) -> bytes:
    """The layer that makes `after` of `before`; `chance` chooses among the ways of saying it.

    A tame one is as engines write it: every directory above a change has an entry, and whiteouts come first.
    """
    opaque = {
        path
        for path, entry in after.items()
        if path != ROOT and isinstance(entry, Directory) and isinstance(before.get(path), Directory)
        if chance.random() < 0.2
    }
    changed = _changed(before, after, opaque)
    if tame:
        touched = {*changed, *_gone(before, after, opaque), *(paths.join(path, "x") for path in opaque)}
        changed |= {above for path in touched for above in paths.ancestors(path) if above != ROOT}
    gone = _gone(before, after, opaque)
    marks = [whiteout(paths.join(paths.parent(path), f".wh.{paths.name(path)}")) for path in gone]
    marks += [whiteout(paths.join(path, ".wh..wh..opq")) for path in sorted(opaque)]
    entries = [member(path, after[path]) for path in after if path in changed]
    chance.shuffle(marks)
    return b"".join([*marks, *entries] if tame or chance.random() < 0.5 else [*entries, *marks]) + END


def _changed(before: Rootfs, after: Rootfs, opaque: set[TreePath]) -> set[TreePath]:
    """What has an entry: all that is new, other than it was, or below an opaque directory; of hard links all names."""
    hidden = {path for top in opaque for path in after.within(top) if path != top}
    changed = {
        path
        for path, entry in after.items()
        if path != ROOT and (path in hidden or not _same(before, path, entry) or _is_new(before, path))
    }
    groups: dict[TreePath, set[TreePath]] = {}
    for tree in (before, after):
        for path, entry in tree.items():
            if isinstance(entry, HardLink):
                groups.setdefault(path, {path}).add(entry.target)
                groups.setdefault(entry.target, {entry.target}).add(path)
    pending = list(changed | {path for path in before if path not in after})
    seen = set(pending)
    while pending:
        for name in groups.get(pending.pop(), ()):
            if name not in seen:
                seen.add(name)
                pending.append(name)
    return {path for path in changed | seen if path in after and path != ROOT}


def _same(before: Rootfs, path: TreePath, entry: Entry) -> bool:
    old = before.get(path)
    if isinstance(old, File) and isinstance(entry, File):
        return old.meta == entry.meta and read(old.content) == read(entry.content)
    return old == entry


def _is_new(before: Rootfs, path: TreePath) -> bool:
    """Whether a directory above it is a new one."""
    return any(not isinstance(before.get(above), Directory) for above in paths.ancestors(path))


def _gone(before: Rootfs, after: Rootfs, opaque: set[TreePath]) -> list[TreePath]:
    """The topmost of what is there no more, where a whiteout has to say it."""
    return [
        path
        for path in before
        if path not in after
        and isinstance(after.get(paths.parent(path)), Directory)
        and not any(above in opaque for above in paths.ancestors(path))
    ]


def facts(tree: Rootfs, *, below: str = "/", times_of_directories: bool = True) -> list[str]:
    """All of a tree, contents and times with it, but for the root itself."""
    rows = []
    for path, entry in tree.items():
        if path == ROOT or not path.startswith(below):
            continue
        data = f" {read(entry.content)!r}" if isinstance(entry, File) else ""
        timed = times_of_directories or not isinstance(entry, Directory)
        rows.append(listing.line(path, entry) + data + (f" @{entry.meta.mtime // _BILLION}" if timed else ""))
    return rows


def random_roots(count: int, *, cases: int, plain: bool = False) -> list[Rootfs]:
    """Roots of many small trees, each in a folder of its own, and all others in the next root.

    Plain ones have no devices, and symlinks only where no root has a directory.
    """
    chance = random.Random(20_260_101)
    return [
        Rootfs({path: entry for case in range(cases) for path, entry in _moved(_tree(chance, plain), f"/cases/{case}")})
        for _ in range(count)
    ]


def _tree(chance: random.Random, plain: bool) -> dict[TreePath, Entry]:
    """A few entries of every kind, with names that often meet those of the next root."""
    entries: dict[TreePath, Entry] = {ROOT: Directory(_meta(chance, 0o755))}
    for _ in range(chance.randrange(12)):
        folders = [path for path, entry in entries.items() if isinstance(entry, Directory) and path.count("/") < 4]
        folder = chance.choice(folders)
        path = TreePath(f"{folder.rstrip('/')}/{chance.choice('abcd')}")
        if path in entries:
            continue
        files = [place for place, entry in entries.items() if not isinstance(entry, Directory | HardLink)]
        match chance.randrange(8):
            case 0 | 1 | 2:
                entries[path] = Directory(_meta(chance, chance.choice([0o755, 0o700, 0o1777])))
            case 3 if files:
                entries[path] = HardLink(Meta(0), chance.choice(files))
            case 4:
                targets = ["a", "../b", "/a/b", "nowhere", "..", "/", "../../../../../etc"]
                place = TreePath(f"{path}.link") if plain else path
                entries[place] = Symlink(_meta(chance, 0o777), chance.choice(targets))
            case 5 if not plain:
                entries[path] = Device(_meta(chance, 0o600), chance.choice(_KINDS), 1, chance.randrange(1, 300))
            case 6:
                entries[path] = Fifo(_meta(chance, 0o644))
            case _:
                data = bytes([chance.randrange(65, 70)]) * chance.randrange(4)
                entries[path] = File(_meta(chance, chance.choice([0o644, 0o4755, 0])), Inline(data))
    return entries


def _meta(chance: random.Random, mode: int) -> Meta:
    return Meta(mode, chance.randrange(4), chance.randrange(4), chance.randrange(1, 2**31) * _BILLION)


def _moved(entries: dict[TreePath, Entry], top: str) -> Iterator[tuple[TreePath, Entry]]:
    for path, entry in entries.items():
        if isinstance(entry, HardLink):
            entry = replace(entry, target=TreePath(top + entry.target))
        yield TreePath(top + path.rstrip("/")), entry

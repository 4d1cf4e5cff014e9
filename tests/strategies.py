"""Random trees, for property tests: every kind of entry, and names and numbers at the edges of the formats."""

from typing import Any

from hypothesis import strategies as st

from fromscratch.model.content import Inline
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, decode, join

PLAIN_NAMES = st.sampled_from(["a", "b", "c", "bin", "etc", "lib64", "x.so.1", "a b", "naïve", "文", "-rf", "\\n"])
ODD_NAMES = st.one_of(
    st.binary(min_size=1, max_size=8).map(lambda raw: decode(raw.replace(b"/", b"_").replace(b"\0", b"~"))),
    st.integers(90, 255).map(lambda length: "n" * length),
    st.integers(30, 127).map(lambda length: "é" * length),
)
NAMES = st.one_of(PLAIN_NAMES, ODD_NAMES).filter(lambda name: name not in (".", ".."))
TARGETS = st.one_of(
    st.lists(NAMES, min_size=1, max_size=4).map("/".join),
    st.lists(st.one_of(NAMES, st.sampled_from(["..", "."])), min_size=1, max_size=4).map(
        lambda parts: "/" + "/".join(parts)
    ),
)

BILLION = 10**9
TIMES = st.one_of(
    st.sampled_from([0, 1, -1, 1_500_000_000, -1_500_000_000, 8**11 * BILLION - 1, 8**11 * BILLION, -BILLION]),
    st.integers(-(2**63), 2**63),
    st.integers(0, 2**31).map(lambda seconds: seconds * BILLION),
)
IDS = st.one_of(st.sampled_from([0, 1, 1000, 8**7 - 1, 8**7, 2**32 - 2]), st.integers(0, 2**32 - 2))
XATTRS = st.dictionaries(
    st.sampled_from(["user.note", "user.é", "security.capability", "trusted.x"]), st.binary(max_size=600), max_size=2
).map(lambda found: tuple(sorted(found.items())))
METAS = st.builds(Meta, mode=st.integers(0, 0o7777), uid=IDS, gid=IDS, mtime=TIMES, xattrs=XATTRS)
PLAIN_METAS = st.builds(Meta, mode=st.sampled_from([0o644, 0o755, 0o4755]))

DATA = st.one_of(st.binary(max_size=20), st.sampled_from([511, 512, 513, 1024, 5000]).map(lambda size: b"x" * size))


def files(metas: st.SearchStrategy[Meta] = METAS) -> st.SearchStrategy[File]:
    return st.builds(File, metas, DATA.map(Inline))


def leaves(metas: st.SearchStrategy[Meta] = METAS) -> st.SearchStrategy[Entry]:
    """Everything but directories and hard links."""
    majors, minors = st.sampled_from([0, 1, 255, 2**12 - 1]), st.sampled_from([0, 1, 255, 2**20 - 1])
    return st.one_of(
        files(metas),
        st.builds(Symlink, metas, TARGETS),
        st.builds(Device, metas, st.sampled_from(["c", "b"]), majors, minors),
        st.builds(Fifo, metas),
    )


@st.composite
def trees(
    draw: st.DrawFn,
    *,
    names: st.SearchStrategy[str] = NAMES,
    metas: st.SearchStrategy[Meta] = METAS,
    leaves: st.SearchStrategy[Entry] | None = None,
    size: int = 8,
) -> Rootfs:
    """A tree of any entries, hard links among them."""
    leaf = leaves if leaves is not None else _leaves(metas)
    entries: dict[TreePath, Entry] = {ROOT: Directory(draw(metas))}
    folders = [ROOT]
    for name, folder, kind in draw(st.lists(st.tuples(names, st.integers(0, 99), st.integers(0, 5)), max_size=size)):
        path = join(folders[folder % len(folders)], name)
        if path in entries:
            continue
        inodes = [place for place, entry in entries.items() if not isinstance(entry, Directory | HardLink)]
        if kind < 2:
            entries[path] = Directory(draw(metas))
            folders.append(path)
        elif kind == 2 and inodes:
            target = draw(st.sampled_from(inodes))
            entries[path] = HardLink(entries[target].meta, target)
        else:
            entries[path] = draw(leaf)
    return Rootfs(entries)


_leaves: Any = leaves

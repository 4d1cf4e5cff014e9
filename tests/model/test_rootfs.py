"""The tree as a value: it resolves paths as the kernel does, and keeps its promises through every change."""

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import cast

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError, NotInTree, UnsafePath
from fromscratch.model.builder import TreeBuilder
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, Fifo, File, HardLink, Meta, Origin, Symlink, file, is_implied
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, parent, tree_path
from tests.sameness import everything
from tests.strategies import PLAIN_METAS, files, trees
from tests.trees import listed, text, tree

# Few names, so that paths meet.
NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.sampled_from(["a", "b", "c", "a", "b", "c", "..", ".", ""])
PATHS = st.tuples(st.sampled_from(["", "/"]), st.lists(STEPS, min_size=1, max_size=5)).map(
    lambda parts: parts[0] + "/".join(parts[1]) or "a"
)
LINKS = st.builds(Symlink, st.just(Meta(0o777)), PATHS)
CROWDED = trees(names=NAMES, metas=PLAIN_METAS, leaves=st.one_of(LINKS, files(PLAIN_METAS)), size=12)
CALM = trees(names=NAMES, metas=PLAIN_METAS, leaves=files(PLAIN_METAS), size=12)


def keeps_its_promises(given: Rootfs) -> None:
    assert next(iter(given)) == ROOT
    assert list(given) == sorted(given, key=lambda path: () if path == ROOT else tuple(path[1:].split("/")))
    seen: set[TreePath] = set()
    for path, entry in given.items():
        assert isinstance(given[parent(path)], Directory)
        assert parent(path) in seen or path == ROOT
        if isinstance(entry, HardLink):
            inode = given[entry.target]
            assert entry.target in seen
            assert not isinstance(inode, Directory | HardLink)
            assert entry.meta == inode.meta
        seen.add(path)
    assert Rootfs(given) == given


def names_of(given: Rootfs) -> dict[TreePath, tuple[type, Meta, object]]:
    """What each name leads to, whichever of its names is the first."""
    found: dict[TreePath, tuple[type, Meta, object]] = {}
    for path in given:
        inode = given.inode(path)
        what = {File: "content", Symlink: "target"}.get(type(inode))
        found[path] = (type(inode), inode.meta, getattr(inode, what) if what else None)
    return found


# Resolution, against the kernel's own.


class OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def openat2_in_root(root: int, path: str, flags: int) -> int:
    """openat2(2) with RESOLVE_IN_ROOT: what a process sees that has chroot(2)ed there."""
    libc = ctypes.CDLL(None, use_errno=True)
    how = OpenHow(flags, 0, 0x10)
    descriptor = libc.syscall(437, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return int(descriptor)


def resolved_by_the_kernel(root: Path, path: str, *, follow_last: bool) -> TreePath | None:
    top = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        found = openat2_in_root(top, path, os.O_PATH | os.O_CLOEXEC | (0 if follow_last else os.O_NOFOLLOW))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return None
    finally:
        os.close(top)
    try:
        where = str(Path(f"/proc/self/fd/{found}").readlink())
    finally:
        os.close(found)
    return tree_path(where.removeprefix(str(root)))


def create(given: Rootfs, root: Path) -> None:
    root.mkdir()
    for path, entry in given.items():
        place = Path(f"{root}{path}")
        match entry:
            case Directory():
                place.mkdir(exist_ok=True)
            case Symlink():
                place.symlink_to(entry.target)
            case HardLink():
                os.link(f"{root}{entry.target}", place, follow_symlinks=False)
            case _:
                place.touch()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("roots").resolve()
    try:
        resolved_by_the_kernel(path, "/", follow_last=True)
    except OSError as error:
        pytest.skip(f"this kernel does not let us use openat2: {error}")
    yield path
    shutil.rmtree(path)


NUMBERS = count()


@given(CROWDED, st.lists(PATHS, min_size=1, max_size=12), st.booleans())
@example(tree("l 0777 0:0 /a -> b/\nf 0644 0:0 /b ''"), ["a", "b/", "b/.", "b/..", "a/."], True)
@example(tree("l 0777 0:0 /a -> b/\nd 0755 0:0 /b"), ["a", "a/", "b/", "b/.", "b/..", "a/."], False)
def test_paths_lead_where_the_kernel_says(folder: Path, given: Rootfs, asked: list[str], follow_last: bool) -> None:
    root = folder / str(next(NUMBERS))
    create(given, root)
    for path in asked:
        try:
            found: TreePath | None = given.resolve(path, follow_last=follow_last)
        except NotInTree:
            found = None
        assert found == resolved_by_the_kernel(root, path, follow_last=follow_last), path


@pytest.mark.parametrize("length", [39, 40, 41])
def test_a_chain_of_symlinks_may_be_as_long_as_in_the_kernel(folder: Path, length: int) -> None:
    links = [f"l 0777 0:0 /{number:02} -> {number + 1:02}" for number in range(length)]
    given = tree("\n".join([*links, f"f 0644 0:0 /{length:02} ''"]))
    root = folder / f"chain{length}"
    create(given, root)
    kernel = resolved_by_the_kernel(root, "/00", follow_last=True)
    assert (kernel is None) == (length > 40)
    assert (given.find("/00") is None) == (kernel is None)


def test_what_is_missing_is_named_by_its_component() -> None:
    given = tree("""
        l 0777 0:0 /lib -> usr/lib
        f 0644 0:0 /usr/lib/x 'x'
        l 0777 0:0 /loop -> /loop
    """)
    for path, message in {
        "/lib/y": "/lib/y is not in the tree: there is no /usr/lib/y",
        "/lib/x/z": "/lib/x/z is not in the tree: /usr/lib/x is a file",
        "/loop/x": "/loop/x: the symlink /loop goes round in a circle",
    }.items():
        with pytest.raises(NotInTree) as caught:
            given.resolve(path)
        assert caught.value.message == message
        assert given.find(path) is None


# Promises that hold through every change.


@given(CROWDED)
def test_every_tree_keeps_its_promises(given: Rootfs) -> None:
    keeps_its_promises(given)


@given(CROWDED, st.randoms(use_true_random=False))
def test_the_order_of_the_entries_does_not_matter(given: Rootfs, random: Random) -> None:
    shuffled = list(given.items())
    random.shuffle(shuffled)
    assert Rootfs(dict(shuffled)) == given


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(CROWDED, st.data())
def test_which_name_of_an_inode_was_first_does_not_matter(given: Rootfs, data: st.DataObject) -> None:
    links = [path for path, entry in given.items() if isinstance(entry, HardLink)]
    assume(links)
    chosen = data.draw(st.sampled_from(links))
    first = cast(HardLink, given[chosen]).target
    entries: dict[TreePath, Entry] = dict(given)
    entries[first], entries[chosen] = HardLink(given[first].meta, chosen), given[first]
    for path, entry in given.items():
        if isinstance(entry, HardLink) and entry.target == first and path != chosen:
            entries[path] = HardLink(entry.meta, chosen)
    assert Rootfs(entries) == given


@given(CROWDED, st.data())
def test_what_is_taken_out_is_gone_and_nothing_else(given: Rootfs, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from(list(given)), max_size=4))
    left = given.without(gone)
    keeps_its_promises(left)
    below = {path for path in given if any(paths.is_within(path, top) for top in gone - {ROOT})}
    assert set(left) == set(given) - below
    before = names_of(given)
    assert names_of(left) == {path: before[path] for path in left}


@given(CROWDED, CALM)
def test_entries_stand_exactly_where_they_are_put(given: Rootfs, other: Rootfs) -> None:
    chosen = {path: entry for path, entry in other.items() if isinstance(entry, File)}
    for path in chosen:
        assume(all(isinstance(given.get(above, given[ROOT]), Directory) for above in paths.ancestors(path)))
        assume(not isinstance(given.get(path), Directory))
    changed = given.with_entries(chosen)
    keeps_its_promises(changed)
    before, after = names_of(given), names_of(changed)
    for path, entry in chosen.items():
        assert changed.inode(path) == entry
    assert {path: after[path] for path in given if path not in chosen} == {
        path: before[path] for path in given if path not in chosen
    }


@given(CROWDED)
def test_children_and_within_tell_the_same_tree(given: Rootfs) -> None:
    def walk(path: TreePath) -> Iterator[TreePath]:
        yield path
        for name in given.children(path):
            yield from walk(paths.join(path, name))

    assert list(walk(ROOT)) == list(given)
    for top in given:
        assert list(given.within(top)) == list(walk(top))


# Merging.


@given(CROWDED)
def test_merging_with_nothing_or_itself_changes_nothing(given: Rootfs) -> None:
    given = given.mapped(lambda _, entry: entry_from("test", entry))
    assert given.merged(Rootfs()) == given
    assert Rootfs().merged(given) == given
    assert given.merged(given) == given


@given(CALM, CALM)
def test_a_merge_is_the_same_from_both_sides_or_a_conflict_from_both(one: Rootfs, other: Rootfs) -> None:
    def merged(lower: Rootfs, upper: Rootfs) -> Rootfs | None:
        try:
            return lower.merged(upper)
        except Conflict:
            return None

    there, back = merged(one, other), merged(other, one)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        keeps_its_promises(there)
        assert set(there) == set(one) | set(other)
        assert names_of(there).keys() == names_of(back).keys()
        assert {path: row[0::2] for path, row in names_of(there).items()} == {
            path: row[0::2] for path, row in names_of(back).items()
        }


@given(CROWDED, CROWDED)
def test_a_merge_that_replaces_has_all_of_the_upper_tree(lower: Rootfs, upper: Rootfs) -> None:
    try:
        both = lower.merged(upper, replace=True)
    except Conflict:
        return
    keeps_its_promises(both)
    for path, (kind, meta, what) in names_of(upper).items():
        place = both.locate(path)
        if kind is Directory:
            assert isinstance(both.find(place), Directory)
        else:
            assert names_of(both)[place] == (kind, meta, what)


@given(CALM, CALM)
def test_a_merge_that_replaces_leaves_the_rest_of_the_lower_tree(lower: Rootfs, upper: Rootfs) -> None:
    try:
        both = lower.merged(upper, replace=True)
    except Conflict:
        return
    before, after = names_of(lower), names_of(both)
    for path in lower:
        if path not in upper:
            assert after[path] == before[path]


def test_conflicts_are_all_named_with_both_sides() -> None:
    lower = tree("f 0644 0:0 /etc/motd 'one'\nd 0755 0:0 /var\nf 0755 0:0 /bin/sh 'x'")
    upper = tree("f 0644 0:0 /etc/motd 'two'\nf 0644 0:0 /var 'x'\nf 4755 0:0 /bin/sh 'x'")
    lower = lower.mapped(lambda _, entry: entry_from("package a", entry))
    upper = upper.mapped(lambda _, entry: entry_from("package b", entry))
    with pytest.raises(Conflict) as caught:
        lower.merged(upper)
    assert caught.value.message.splitlines()[1:] == [
        "  /bin/sh: file 0755 0:0 from package a against file 4755 0:0 from package b",
        "  /etc/motd: file 0644 0:0 from package a against file 0644 0:0 from package b",
        "  /var: directory 0755 0:0 from package a against file 0644 0:0 from package b",
    ]


def entry_from(source: str, entry: Entry) -> Entry:
    return replace(entry, origins=(Origin(source, "shipped in", source),))


def test_what_lands_below_a_symlink_follows_it() -> None:
    lower = tree("d 0755 0:0 /usr/lib\nl 0777 0:0 /lib -> usr/lib")
    upper = tree("f 0644 0:0 /lib/x/y 'y'\nh 0644 0:0 /lib/x/z => /lib/x/y")
    assert listed(lower.merged(upper)) == text("""
        l 0777 0:0 /lib -> usr/lib
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        d 0755 0:0 /usr/lib/x
        f 0644 0:0 1 /usr/lib/x/y
        h 0644 0:0 /usr/lib/x/z => /usr/lib/x/y
    """)


def test_a_file_replaced_under_one_of_its_names_lives_on_under_the_other() -> None:
    lower = tree(
        "f 0755 0:0 /bin/busybox 'old'\nh 0755 0:0 /bin/sh => /bin/busybox\nh 0755 0:0 /bin/vi => /bin/busybox"
    )
    both = lower.merged(tree("f 0755 0:0 /bin/busybox 'newer'"), replace=True)
    assert listed(both) == text("""
        d 0755 0:0 /bin
        f 0755 0:0 5 /bin/busybox
        f 0755 0:0 3 /bin/sh
        h 0755 0:0 /bin/vi => /bin/sh
    """)


def test_a_file_that_comes_again_keeps_all_its_names() -> None:
    lower = tree("f 0644 0:0 /a 'x'\nh 0644 0:0 /b => /a").mapped(lambda _, entry: entry_from("one", entry))
    for again in ("/a", "/b"):
        upper = tree(f"f 0644 0:0 {again} 'x'").mapped(lambda _, entry: entry_from("two", entry))
        assert listed(lower.merged(upper)) == "f 0644 0:0 1 /a\nh 0644 0:0 /b => /a"


def test_a_new_name_of_a_file_that_comes_again_is_a_name_of_the_one_that_is_there() -> None:
    lower = tree("f 0644 0:0 /a 'x'\nh 0644 0:0 /b => /a")
    upper = tree("f 0644 0:0 /b 'x'\nh 0644 0:0 /c => /b")
    assert listed(lower.merged(upper)) == "f 0644 0:0 1 /a\nh 0644 0:0 /b => /a\nh 0644 0:0 /c => /a"


def test_two_paths_of_one_tree_never_replace_each_other() -> None:
    lower = tree("d 0755 0:0 /usr/lib\nl 0777 0:0 /lib -> usr/lib")
    upper = tree("f 0644 0:0 /lib/x 'one'\nf 0644 0:0 /usr/lib/x 'two'")
    with pytest.raises(Conflict, match=r"/usr/lib/x: file .* against file"):
        lower.merged(upper, replace=True)
    same = tree("f 0644 0:0 /lib/x 'one'\nf 0644 0:0 /usr/lib/x 'one'")
    assert "f 0644 0:0 3 /usr/lib/x" in listed(lower.merged(same))


def test_a_symlink_that_was_followed_is_not_replaced_behind_one_s_back() -> None:
    lower = tree("l 0777 0:0 /a -> .")
    upper = tree("f 0644 0:0 /a/a 'x'\nf 0644 0:0 /a/b 'x'")
    with pytest.raises(Conflict, match="/a: symlink to / against file"):
        lower.merged(upper, replace=True)


def test_entries_that_are_alike_keep_both_reasons() -> None:
    one, two = (Origin(name, "shipped in", name) for name in ("a", "b"))
    lower = Rootfs({tree_path("x"): File(Meta(0o644, mtime=1), Inline(b"x"), (one,))})
    upper = Rootfs({tree_path("x"): File(Meta(0o644, mtime=2), Inline(b"x"), (two,))})
    assert lower.merged(upper)[TreePath("/x")].origins == (one, two)


# Building.


@given(CROWDED)
def test_a_builder_gives_the_tree_of_an_archive_s_entries(given: Rootfs) -> None:
    builder = TreeBuilder(forbid_absolute_links=True)
    for path, entry in given.items():
        assert builder.put(path, entry) == path
    assert everything(builder.build()) == everything(given)


@given(CROWDED, CROWDED)
def test_a_builder_keeps_the_promises_whatever_comes(first: Rootfs, second: Rootfs) -> None:
    builder = TreeBuilder()
    for path, entry in (*first.items(), *second.items()):
        try:
            place = builder.put(path, entry)
        except (Conflict, NotInTree, FormatError):
            continue
        built = builder.build()
        keeps_its_promises(built)
        if not isinstance(entry, HardLink):
            assert type(built.inode(place)) is type(entry)
            assert built[place].meta == entry.meta


def test_a_name_that_was_put_again_as_a_hard_link_outlives_its_file() -> None:
    builder = TreeBuilder()
    for line in ("f 0644 0:0 /a 'a'", "f 0644 0:0 /c 'old'"):
        [(path, entry)] = list(tree(line).items())[1:]
        builder.put(path, entry)
    builder.put(TreePath("/b"), HardLink(Meta(0o644), TreePath("/a")))
    builder.put(TreePath("/a"), HardLink(Meta(0o644), TreePath("/c")))
    builder.put(TreePath("/c"), file(Inline(b"newer")))
    made = builder.build()
    assert listed(made) == "f 0644 0:0 3 /a\nf 0644 0:0 1 /b\nf 0644 0:0 5 /c"
    assert made[TreePath("/a")] == file(Inline(b"old"))


def test_missing_parents_are_made_and_say_why() -> None:
    reason = Origin("test", "shipped in", "x")
    built = Rootfs({tree_path("/a/b/c"): Fifo(Meta(0o600), (reason,))})
    assert listed(built) == "d 0755 0:0 /a\nd 0755 0:0 /a/b\np 0600 0:0 /a/b/c"
    assert is_implied(built[TreePath("/a")])
    assert built[TreePath("/a")].origins[0].because == reason


def test_writing_through_an_absolute_symlink_is_refused_when_asked() -> None:
    link = Symlink(Meta(0o777), "/etc")
    for strict in (True, False):
        builder = TreeBuilder(forbid_absolute_links=strict)
        builder.put(tree_path("conf"), link)
        builder.put(tree_path("conf2"), Symlink(Meta(0o777), "conf"))
        if strict:
            with pytest.raises(UnsafePath, match="absolute symlink /conf -> /etc"):
                builder.put(tree_path("conf2/x"), Fifo(Meta(0o600)))
        else:
            assert builder.put(tree_path("conf2/x"), Fifo(Meta(0o600))) == "/etc/x"


def test_configuration_that_a_program_would_open_gives_way_to_what_was_asked_for() -> None:
    opened = Origin("binaries nginx", "opened by", "nginx")
    packaged = tree("f 0644 0:0 /etc/nginx.conf 'as packaged'\nf 0644 0:0 /usr/share/it 'data'")
    found = Rootfs({path: replace(entry, origins=(opened,)) for path, entry in packaged.items()})
    own, other = tree("f 0644 0:0 /etc/nginx.conf 'own'"), tree("f 0644 0:0 /usr/share/it 'other'")
    for merged in (found.merged(own, directories="keep"), own.merged(found, directories="keep")):
        assert [line for line in listed(merged).splitlines() if "nginx.conf" in line] == [
            "f 0644 0:0 3 /etc/nginx.conf"
        ]
    with pytest.raises(Conflict):
        found.merged(other, directories="keep")

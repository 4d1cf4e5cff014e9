"""Roots as one: what a lower root gives to an upper one that has other symlinks and folders on the same paths."""

from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fromscratch.errors import Conflict, NotInTree
from fromscratch.model import view as views
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, Entry, File, Meta, Symlink
from fromscratch.model.resolution import locate
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.stacked import Beneath, Stacked
from fromscratch.paths import TreePath, tree_path
from tests.trees import listed, text, tree

NAMES = ("a", "b", "lib")
PATHS = [tree_path("/".join(parts)) for depth in (1, 2, 3) for parts in product(NAMES, repeat=depth)]


def laid(upper: Rootfs, lower: Rootfs, *paths: str) -> Rootfs:
    """The upper root with what these paths lead to in the lower one, and the symlinks on their way."""
    view = Beneath(lower, upper)
    entries: dict[TreePath, Entry] = {}
    for path in paths:
        for step in views.symlinks_and_place(view, path):
            entry = view.get(step)
            assert entry is not None
            view.reals(step)
            entries[locate(upper, step)] = entry
    return upper.merged(Rootfs(entries), directories="keep")


DEBIAN = tree("""
    l 0777 0:0 /lib -> usr/lib
    l 0777 0:0 /lib64 -> usr/lib64
    l 0777 0:0 /usr/lib64/ld.so -> /lib/x86/ld.so
    f 0755 0:0 /usr/lib/x86/ld.so 'loader'
    f 0755 0:0 /usr/lib/x86/libc.so 'libc'
""")


def test_a_root_without_any_of_it_gets_the_links_as_they_are() -> None:
    assert listed(laid(Rootfs(), DEBIAN, "/lib64/ld.so")) == text("""
        l 0777 0:0 /lib -> usr/lib
        l 0777 0:0 /lib64 -> usr/lib64
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        d 0755 0:0 /usr/lib/x86
        f 0755 0:0 6 /usr/lib/x86/ld.so
        d 0755 0:0 /usr/lib64
        l 0777 0:0 /usr/lib64/ld.so -> /lib/x86/ld.so
    """)


def test_a_root_with_a_folder_in_the_place_of_a_link_keeps_it_and_gets_links_inside() -> None:
    upper = tree("f 0644 0:0 /lib/udev/rule 'x'\nd 0755 0:0 /lib/x86")
    assert listed(laid(upper, DEBIAN, "/lib64/ld.so", "/lib/x86/libc.so")) == text("""
        d 0755 0:0 /lib
        d 0755 0:0 /lib/udev
        f 0644 0:0 1 /lib/udev/rule
        d 0755 0:0 /lib/x86
        l 0777 0:0 /lib/x86/ld.so -> /usr/lib/x86/ld.so
        l 0777 0:0 /lib/x86/libc.so -> /usr/lib/x86/libc.so
        l 0777 0:0 /lib64 -> usr/lib64
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        d 0755 0:0 /usr/lib/x86
        f 0755 0:0 6 /usr/lib/x86/ld.so
        f 0755 0:0 4 /usr/lib/x86/libc.so
        d 0755 0:0 /usr/lib64
        l 0777 0:0 /usr/lib64/ld.so -> /lib/x86/ld.so
    """)


def test_a_root_whose_links_go_the_other_way_round_holds_the_files_where_they_lead() -> None:
    upper = tree(
        "d 0755 0:0 /lib\nl 0777 0:0 /lib64 -> lib\nl 0777 0:0 /usr/lib -> ../lib\nl 0777 0:0 /usr/lib64 -> lib"
    )
    assert listed(laid(upper, DEBIAN, "/lib64/ld.so")) == text("""
        d 0755 0:0 /lib
        l 0777 0:0 /lib/ld.so -> /lib/x86/ld.so
        d 0755 0:0 /lib/x86
        f 0755 0:0 6 /lib/x86/ld.so
        l 0777 0:0 /lib64 -> lib
        d 0755 0:0 /usr
        l 0777 0:0 /usr/lib -> ../lib
        l 0777 0:0 /usr/lib64 -> lib
    """)


def test_a_root_with_a_link_in_the_place_of_a_folder_has_its_names_where_the_link_leads() -> None:
    upper = tree("d 0755 0:0 /usr/lib\nl 0777 0:0 /usr/lib/x86 -> ../lib\nl 0777 7:7 /lib -> usr/lib")
    view = Beneath(DEBIAN, upper)
    assert view.children(TreePath("/usr/lib")) == ["ld.so", "libc.so", "x86"]
    assert view.get(TreePath("/usr/lib/x86")) is upper[TreePath("/usr/lib/x86")]
    assert views.place(view, "/lib/x86/libc.so") == "/usr/lib/libc.so"
    assert view.reals(TreePath("/usr/lib/libc.so")) == ("/usr/lib/x86/libc.so",)
    assert view.reals(TreePath("/usr/lib")) == ("/usr/lib", "/usr/lib/x86")
    assert listed(laid(upper, DEBIAN, "/lib64/ld.so", "/usr/lib/x86/libc.so")) == text("""
        l 0777 7:7 /lib -> usr/lib
        l 0777 0:0 /lib64 -> usr/lib64
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        f 0755 0:0 6 /usr/lib/ld.so
        f 0755 0:0 4 /usr/lib/libc.so
        l 0777 0:0 /usr/lib/x86 -> ../lib
        d 0755 0:0 /usr/lib64
        l 0777 0:0 /usr/lib64/ld.so -> /lib/x86/ld.so
    """)


def test_a_link_that_leads_to_nothing_yet_is_followed_to_where_that_will_be() -> None:
    upper = tree("l 0777 0:0 /usr/lib/x86 -> /opt/far/lib")
    assert listed(laid(upper, DEBIAN, "/usr/lib/x86/libc.so")) == text("""
        d 0755 0:0 /opt
        d 0755 0:0 /opt/far
        d 0755 0:0 /opt/far/lib
        f 0755 0:0 4 /opt/far/lib/libc.so
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        l 0777 0:0 /usr/lib/x86 -> /opt/far/lib
    """)


def test_two_files_that_a_link_would_make_one_are_told() -> None:
    upper = tree("d 0755 0:0 /lib\nl 0777 0:0 /lib/x86 -> ../lib")
    lower = tree("f 0755 0:0 /lib/a.so 'one'\nf 0755 0:0 /lib/x86/a.so 'two'\nf 0755 0:0 /lib/x86/b.so 'b'")
    with pytest.raises(Conflict, match=r"/lib/a\.so and /lib/x86/a\.so cannot both be"):
        laid(upper, lower, "/lib/x86/a.so")
    assert "/lib/b.so" in laid(upper, lower, "/lib/x86/b.so")
    assert sorted(views.glob(Beneath(lower, upper), "/lib/*.so")) == ["/lib/a.so", "/lib/b.so"]  # passed by


def test_two_folders_that_links_make_one_have_the_names_of_both() -> None:
    upper = tree("d 0755 0:0 /lib\nd 0755 0:0 /usr/lib\nl 0777 0:0 /usr/lib/x86 -> ../../lib")
    lower = tree("""
        l 0777 0:0 /lib -> usr/lib
        f 0644 0:0 /usr/lib/sasl/conf 'c'
        f 0755 0:0 /usr/lib/x86/sasl/plain.so 'p'
    """)
    assert listed(laid(upper, lower, "/lib/sasl/conf", "/usr/lib/x86/sasl/plain.so")) == text("""
        d 0755 0:0 /lib
        d 0755 0:0 /lib/sasl
        l 0777 0:0 /lib/sasl/conf -> /usr/lib/sasl/conf
        f 0755 0:0 1 /lib/sasl/plain.so
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        d 0755 0:0 /usr/lib/sasl
        f 0644 0:0 1 /usr/lib/sasl/conf
        l 0777 0:0 /usr/lib/x86 -> ../../lib
    """)


def test_a_link_to_the_very_folder_that_it_would_be_is_that_folder() -> None:
    upper = tree("d 0755 0:0 /data\nl 0777 0:0 /etc/ssl -> /data\nl 0777 0:0 /lib/ssl -> ../etc/ssl")
    lower = tree("f 0644 0:0 /etc/ssl/certs/ca 'c'\nl 0777 0:0 /lib/ssl/certs -> /etc/ssl/certs")
    merged = laid(upper, lower, "/lib/ssl/certs/ca")
    assert listed(merged) == text("""
        d 0755 0:0 /data
        d 0755 0:0 /data/certs
        f 0644 0:0 1 /data/certs/ca
        d 0755 0:0 /etc
        l 0777 0:0 /etc/ssl -> /data
        d 0755 0:0 /lib
        l 0777 0:0 /lib/ssl -> ../etc/ssl
    """)


# Roots on top of one another

UPPER = tree("""
    f 0644 0:0 /a 'upper'
    l 0777 0:0 /bin -> usr/bin
    d 0700 0:0 /etc
    f 0644 0:0 /etc/own 'upper'
    f 0644 0:0 /file 'upper'
    l 0777 0:0 /out -> srv/below
""")
BELOW = tree("""
    f 0644 0:0 /a 'below'
    h 0644 0:0 /b => /a
    f 0644 0:0 /bin/tool 'below'
    d 0755 0:0 /etc
    f 0644 0:0 /etc/below 'below'
    f 0644 0:0 /etc/own 'below'
    f 0644 0:0 /file/x 'below'
    f 0644 0:0 /srv/below 'below'
    f 0644 0:0 /usr/bin/prog 'below'
""")
BOTH = Stacked(UPPER, BELOW)


def text_at(path: str) -> str:
    entry = views.look(BOTH, path)
    return read(entry.content).decode() if isinstance(entry, File) else str(entry)


def test_the_upper_entry_counts_and_directories_have_the_names_of_both() -> None:
    assert text_at("/etc/own") == "upper"
    assert text_at("/etc/below") == "below"
    assert BOTH.children(TreePath("/etc")) == ["below", "own"]
    assert BOTH.get(TreePath("/etc")) == UPPER[TreePath("/etc")]
    assert [BOTH.layer(TreePath(path)) for path in ("/etc", "/etc/below", "/none")] == [0, 1, None]


def test_a_symlink_of_the_upper_root_leads_into_the_lower_one() -> None:
    assert text_at("/bin/prog") == "below"
    assert text_at("/out") == "below"


def test_what_lies_below_something_else_is_hidden() -> None:
    for path in ("/bin/tool", "/file/x"):
        assert BOTH.get(TreePath(path)) is None
        assert BOTH.layer(TreePath(path)) is None
    assert BOTH.children(TreePath("/bin")) == []
    assert BOTH.children(TreePath("/file")) == []


def test_a_hard_link_below_stays_the_file_that_it_was() -> None:
    assert text_at("/a") == "upper"
    assert text_at("/b") == "below"


def test_below_the_root_is_all_that_can_be_seen() -> None:
    assert list(views.below(BOTH, TreePath("/"))) == [
        *("/", "/a", "/b", "/bin", "/etc", "/etc/below", "/etc/own", "/file", "/out"),
        *("/srv", "/srv/below", "/usr", "/usr/bin", "/usr/bin/prog"),
    ]


targets = st.tuples(
    st.sampled_from(["", "/", "../", "../../"]), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)
)
pieces = st.one_of(
    st.just(Directory(Meta(0o755))),
    st.binary(min_size=4, max_size=4).map(lambda raw: File(Meta(0o755), Inline(raw))),
    targets.map(lambda target: Symlink(Meta(0o777), target[0] + "/".join(target[1]))),
)


@st.composite
def roots(draw: st.DrawFn) -> Rootfs:
    entries: dict[TreePath, Entry] = {}
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=6, unique=True)):
        try:
            entries = dict(Rootfs({**entries, path: draw(pieces)}))
        except Conflict:
            continue
    return Rootfs(entries)


@given(lower=roots(), upper=roots())
def test_every_path_leads_to_the_same_file_as_in_the_lower_root_alone(lower: Rootfs, upper: Rootfs) -> None:
    """Wherever the upper root has nothing there itself, and does not contradict."""
    found = 0
    for path in PATHS:
        expected = lower.find(path)
        if not isinstance(expected, File) or Stacked(upper).get(path) or upper.find(path) is not None:
            continue
        try:
            merged = laid(upper, lower, path)
        except (Conflict, NotInTree):
            continue  # a file where the other root has a folder, or a circle of both
        entry = merged.find(path)
        if entry is None:
            continue  # two roots whose links form a circle: `startable` tells of it
        found += 1
        assert isinstance(entry, File)
        assert read(entry.content) == read(expected.content)
        assert all(merged.get(each) is not None for each in upper)
    assume(found)


@given(roots(), roots())
def test_what_is_seen_is_a_tree_of_its_own(upper: Rootfs, lower: Rootfs) -> None:
    both = Stacked(upper, lower)
    seen = {path: entry for path in views.below(both, TreePath("/")) if (entry := both.get(path))}
    assert dict(Rootfs(seen)) == seen
    assert all(seen[path] == entry for path, entry in upper.items())
    for path in PATHS:
        assert both.get(path) == seen.get(path)
        assert views.place(both, path) == views.place(Rootfs(seen), path)

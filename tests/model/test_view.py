"""Looking into a root: where paths lead, which symlinks they go through, and that none leads out of it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fromscratch.errors import NotInTree
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File, HardLink, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.stacked import Stacked
from fromscratch.paths import ROOT, TreePath, ancestors
from tests.strategies import PLAIN_METAS, files, trees
from tests.trees import tree

HERE = tree(r"""
    l 0777 0:0 /bin -> usr/bin
    d 0755 0:0 /etc
    l 0777 0:0 /etc/alt -> ../usr/bin/tool
    l 0777 0:0 /etc/out -> ../../../../etc/passwd
    f 0644 0:0 /etc/passwd 'root'
    l 0777 0:0 /loop -> loop2
    l 0777 0:0 /loop2 -> /loop
    l 0777 0:0 /usr/bin/link -> /etc/alt
    f 0755 0:0 /usr/bin/tool 'x'
    h 0755 0:0 /usr/bin/twin => /usr/bin/tool
    f 0755 0:0 /usr/bin/.hidden 'x'
    l 0777 0:0 /usr/bin/dangling -> none
""")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/bin/link", "/usr/bin/tool"),
        ("bin//./tool", "/usr/bin/tool"),
        ("/bin/../bin/tool", "/usr/bin/tool"),
        ("/bin/..", "/usr"),
        ("/../..", "/"),
        ("", "/"),
        ("/etc/out", "/etc/passwd"),
        ("/bin/twin", "/usr/bin/twin"),
        ("/bin/", "/usr/bin"),
        ("/bin/tool/", None),
        ("/bin/tool/x", None),
        ("/bin/tool/..", None),
        ("/bin/dangling", None),
        ("/loop", None),
        ("/loop/x", None),
        ("/none/../etc", None),
    ],
)
def test_a_path_leads_where_the_kernel_would_go_in_this_root(path: str, place: str | None) -> None:
    assert views.place(HERE, path) == place


def test_the_last_symlink_is_followed_only_if_that_is_asked() -> None:
    assert views.place(HERE, "/bin/dangling", follow_last=False) == "/usr/bin/dangling"
    assert views.place(HERE, "/loop/x", follow_last=False) is None


def test_what_stands_at_the_end_answers() -> None:
    assert isinstance(views.look(HERE, "/bin/link"), File)
    assert isinstance(views.look(HERE, "/bin"), Directory)
    assert views.look(HERE, "/bin/twin") == HERE[TreePath("/usr/bin/tool")]
    assert views.look(HERE, "/loop") is None


def test_a_circle_is_told_from_what_is_not_there() -> None:
    circular = [
        path for path in ("/loop", "/loop2/x", "/bin/dangling", "/none", "/bin") if views.is_circular(HERE, path)
    ]
    assert circular == ["/loop", "/loop2/x"]


def test_names_are_those_of_the_directory_at_the_end() -> None:
    assert views.names(HERE, "/bin") == [".hidden", "dangling", "link", "tool", "twin"]
    assert [list(views.names(HERE, path)) for path in ("/etc/passwd", "/loop", "/none")] == [[], [], []]


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/usr/bin/tool", ["/usr/bin/tool"]),
        ("/bin/tool", ["/bin", "/usr/bin/tool"]),
        ("/bin/link", ["/bin", "/usr/bin/link", "/etc/alt", "/usr/bin/tool"]),
        ("/bin/../bin/tool", ["/bin", "/usr/bin/tool"]),
        ("/bin/../../bin/tool", ["/bin", "/usr/bin/tool"]),
        ("/etc/out", ["/etc/out", "/etc/passwd"]),
        ("/", ["/"]),
    ],
)
def test_the_way_is_every_symlink_and_the_end(path: str, steps: list[str]) -> None:
    assert views.symlinks_and_place(HERE, path) == steps


def test_there_is_no_way_to_what_is_not_there() -> None:
    with pytest.raises(NotInTree, match="there is no /usr/bin/none"):
        views.symlinks_and_place(HERE, "/bin/dangling")
    with pytest.raises(NotInTree, match="goes round in a circle"):
        views.symlinks_and_place(HERE, "/loop")


def test_what_a_path_goes_back_out_of_must_be_there_too() -> None:
    assert views.folders_left(HERE, "/bin/../bin/link") == {"/usr/bin", "/etc"}
    assert views.folders_left(HERE, "/usr/bin/tool") == set()


def test_below_is_all_that_a_directory_holds_and_no_symlink_is_entered() -> None:
    assert list(views.below(HERE, TreePath("/etc"))) == ["/etc", "/etc/alt", "/etc/out", "/etc/passwd"]
    assert list(views.below(HERE, TreePath("/bin"))) == ["/bin"]
    assert list(views.below(HERE, TreePath("/none"))) == []
    assert list(views.below(HERE, ROOT)) == list(HERE)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/bin/t*", ["/bin/tool", "/bin/twin"]),
        ("/b?n/[a-t]*l", ["/bin/tool"]),
        ("/*/tool", ["/bin/tool"]),
        ("/bin/*", ["/bin/dangling", "/bin/link", "/bin/tool", "/bin/twin"]),
        ("/bin/.h*", ["/bin/.hidden"]),
        ("/bin/dangling", ["/bin/dangling"]),
        ("/*/dangling/x", []),
        ("/bin/none", []),
        ("/loop/*", []),
        ("/bin/../b*/to*", ["/bin/../bin/tool"]),
    ],
)
def test_patterns_give_paths_as_they_spell_them(pattern: str, found: list[str]) -> None:
    assert list(views.glob(HERE, pattern)) == found


# Random roots

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(st.sampled_from(["a", "b", "c", "a", "b", "c", "..", ".", ""]), min_size=1, max_size=5)
PATHS = st.tuples(st.sampled_from(["", "/"]), STEPS).map(lambda parts: parts[0] + "/".join(parts[1]) or "a")
LINKS = PATHS.map(lambda target: Symlink(HERE[TreePath("/bin")].meta, target))
ROOTS = trees(names=NAMES, metas=PLAIN_METAS, leaves=st.one_of(LINKS, LINKS, files(PLAIN_METAS)), size=12)


@given(ROOTS, PATHS)
@example(tree("l 0777 0:0 /a -> b\nl 0777 0:0 /b -> ../c\nf 0644 0:0 /c 'x'"), "/a")
def test_a_tree_of_the_way_alone_leads_to_the_same_place(root: Rootfs, path: str) -> None:
    place = views.place(root, path)
    if place is None:
        return
    steps = views.symlinks_and_place(root, path)
    assert steps[-1] == place
    assert all(isinstance(root.inode(step), Symlink) for step in steps[:-1])
    passed = views.folders_left(root, path)
    inodes = [entry.target for step in steps if isinstance(entry := root[step], HardLink)]
    remaining = Rootfs({each: root[each] for step in (*passed, *steps, *inodes) for each in (*ancestors(step), step)})
    assert views.place(remaining, path) == place


@given(ROOTS, st.lists(PATHS, max_size=6), st.booleans())
@example(HERE, ["/bin/link", "/bin/tool", "/none/x", "/none/..", "/bin/tool/x", "/loop/x", "/loop"], True)
def test_a_view_that_remembers_its_folders_leads_to_the_same_places(
    root: Rootfs, asked: list[str], follow_last: bool
) -> None:
    view = Stacked(root)
    for path in (*asked, *asked):
        assert views.place(view, path, follow_last=follow_last) == views.place(root, path, follow_last=follow_last)


@given(ROOTS)
def test_below_the_root_is_the_whole_tree(root: Rootfs) -> None:
    assert list(views.below(root, ROOT)) == list(root)

"""A changing tree ends as the same sequence of changes to a real folder would."""

import pytest

from fromscratch.errors import Conflict, NotInTree
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, HardLink, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from tests.trees import listed, text, tree


def changing(block: str) -> ChangingTree:
    return ChangingTree(tree(block))


def file(data: bytes, mode: int = 0o644) -> File:
    return File(Meta(mode), Inline(data))


LINKED = """
    d 0755 0:0 /a
    f 0644 0:0 /a/first 'x'
    h 0644 0:0 /a/second => /a/first
    h 0644 0:0 /third => /a/first
    l 0777 0:0 /link -> a
    l 0777 0:0 /broken -> a/nothing
"""


def test_what_is_put_lands_where_the_links_among_its_parents_lead_and_has_parents() -> None:
    tree = changing(LINKED)
    assert tree.put(TreePath("/link/new"), file(b"")) == "/a/new"
    tree.put(TreePath("/x/y/z"), file(b""))
    assert tree.children(TreePath("/x")) == ["y"]
    assert tree.children(TreePath("/")) == ["a", "broken", "link", "third", "x"]
    assert "d 0755 0:0 /x/y" in listed(tree.finished())


def test_a_place_is_where_something_would_be_made() -> None:
    tree = changing(LINKED)
    assert tree.place("/link/new") == "/a/new"
    assert tree.place("/broken") == "/a/nothing"
    assert tree.place("/broken", follow_last=False) == "/broken"
    with pytest.raises(NotInTree):
        tree.place("/nowhere/new")
    with pytest.raises(NotInTree):
        tree.place("/third/new")


def test_names_of_one_file_change_together_and_go_one_by_one() -> None:
    tree = changing(LINKED)
    tree.change_meta(TreePath("/third"), Meta(0o600, 5, 6))
    tree.change(TreePath("/a/second"), File(Meta(0o640, 5, 6), Inline(b"new")))
    tree.remove(TreePath("/a/first"))
    assert listed(tree.finished()) == text("""
        d 0755 0:0 /a
        f 0640 5:6 3 /a/second
        l 0777 0:0 /broken -> a/nothing
        l 0777 0:0 /link -> a
        h 0640 5:6 /third => /a/second
    """)
    found = tree.find("/third")
    assert isinstance(found, File)
    assert isinstance(tree.at(TreePath("/third")), HardLink)


def test_a_file_that_is_replaced_leaves_its_other_names_alone() -> None:
    tree = changing(LINKED)
    tree.put(TreePath("/a/first"), file(b"other"))
    assert listed(tree.finished()) == text("""
        d 0755 0:0 /a
        f 0644 0:0 5 /a/first
        f 0644 0:0 1 /a/second
        l 0777 0:0 /broken -> a/nothing
        l 0777 0:0 /link -> a
        h 0644 0:0 /third => /a/second
    """)


def test_what_moves_takes_along_what_is_below_and_the_names_of_its_files() -> None:
    tree = changing(LINKED)
    tree.move(TreePath("/a"), TreePath("/b"))
    assert listed(tree.finished()) == text("""
        d 0755 0:0 /b
        f 0644 0:0 1 /b/first
        h 0644 0:0 /b/second => /b/first
        l 0777 0:0 /broken -> a/nothing
        l 0777 0:0 /link -> a
        h 0644 0:0 /third => /b/first
    """)
    with pytest.raises(Conflict):
        tree.move(TreePath("/b"), TreePath("/b/c"))


def test_a_removed_folder_takes_along_what_is_below_but_not_a_file_with_another_name() -> None:
    tree = changing(LINKED)
    tree.remove(TreePath("/a"))
    tree.remove(TreePath("/"))
    assert listed(tree.finished()) == ""
    tree = changing(LINKED)
    tree.remove(TreePath("/a"))
    assert listed(tree.finished()) == text("""
        l 0777 0:0 /broken -> a/nothing
        l 0777 0:0 /link -> a
        f 0644 0:0 1 /third
    """)


def test_a_folder_with_content_does_not_give_way_to_something_else() -> None:
    tree = changing(LINKED)
    with pytest.raises(Conflict):
        tree.put(TreePath("/a"), Symlink(Meta(0o777), "x"))
    tree.put(TreePath("/a"), Directory(Meta(0o700)))
    assert tree.children(TreePath("/a")) == ["first", "second"]


def test_a_tree_may_be_deeper_than_python_calls() -> None:
    tree = ChangingTree(Rootfs({TreePath("/d" * 1_500): Directory(Meta(0o755))}))
    assert len([*tree.within(TreePath("/"))]) == 1_501
    tree.remove(TreePath("/d"))
    assert len(tree) == 1

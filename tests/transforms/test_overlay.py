"""Project files laid over a tree, and the whiteouts that take things out of it."""

import pytest

from fromscratch.errors import Conflict, NotInTree, UsageError
from fromscratch.transforms.overlay import overlaid
from tests.trees import listed, text, tree

BASE = """
    d 1777 0:0 /tmp
    d 0755 0:0 /etc
    f 0644 0:0 /etc/motd 'hello'
    d 0755 0:0 /etc/init.d
    f 0755 0:0 /etc/init.d/one ''
    f 0755 0:0 /etc/init.d/two ''
    l 0777 0:0 /bin -> usr/bin
    d 0755 0:0 /usr
    d 0755 0:0 /usr/bin
    f 0755 0:0 /usr/bin/sh 'x'
"""


def test_new_files_are_added_and_directories_keep_the_metadata_of_the_tree() -> None:
    made = overlaid(tree(BASE), tree("d 0755 0:0 /tmp\nf 0600 0:0 /etc/secret 's'"))
    assert listed(made) == text(
        """
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /etc
        d 0755 0:0 /etc/init.d
        f 0755 0:0 0 /etc/init.d/one
        f 0755 0:0 0 /etc/init.d/two
        f 0644 0:0 5 /etc/motd
        f 0600 0:0 1 /etc/secret
        d 1777 0:0 /tmp
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 1 /usr/bin/sh
        """
    )


def test_a_file_through_a_symlinked_directory_lands_behind_it() -> None:
    made = overlaid(tree(BASE), tree("d 0755 0:0 /bin\nf 0755 0:0 /bin/app 'app'"))
    assert made.resolve("/bin/app") == "/usr/bin/app"
    assert listed(made).count("/bin -> usr/bin") == 1


def test_a_whiteout_removes_a_file_and_all_below_a_directory() -> None:
    made = overlaid(tree(BASE), tree("f 0644 0:0 /etc/.wh.init.d ''\nf 0644 0:0 /.wh.tmp ''"))
    assert listed(made) == text(
        """
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /etc
        f 0644 0:0 5 /etc/motd
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 1 /usr/bin/sh
        """
    )


def test_an_opaque_mark_empties_the_directory_before_the_overlay_fills_it() -> None:
    made = overlaid(tree(BASE), tree("f 0644 0:0 /etc/init.d/.wh..wh..opq ''\nf 0755 0:0 /etc/init.d/mine 'm'"))
    assert made.children(made.resolve("/etc/init.d")) == ["mine"]


def test_a_whiteout_of_what_is_not_there_is_an_error_with_a_near_miss() -> None:
    with pytest.raises(NotInTree, match="removes nothing: there is no /etc/modt") as caught:
        overlaid(tree(BASE), tree("f 0644 0:0 /etc/.wh.modt ''"))
    assert caught.value.hint == "did you mean .wh.motd?"


def test_a_file_that_would_replace_another_is_a_conflict_unless_it_may() -> None:
    upper = tree("f 0644 0:0 /etc/motd 'other'")
    with pytest.raises(Conflict, match="/etc/motd"):
        overlaid(tree(BASE), upper)
    assert "f 0644 0:0 5 /etc/motd" in listed(overlaid(tree(BASE), upper, replace=True))


@pytest.mark.parametrize(
    "line", ["f 0644 0:0 /etc/.wh.a 'text'", "f 0644 0:0 /etc/.wh.a/b ''", "l 0777 0:0 /.wh.a -> b"]
)
def test_a_whiteout_that_holds_something_is_an_error(line: str) -> None:
    with pytest.raises(UsageError, match="is not an empty file"):
        overlaid(tree("f 0644 0:0 /etc/a ''\nf 0644 0:0 /a ''"), tree(line))

"""Paths chosen from a tree by globs."""

import pytest

from fromscratch.errors import UsageError
from fromscratch.transforms.inclusion import excluded, included
from tests.trees import listed, text, tree

MERGED = tree(
    """
    l 0777 0:0 /bin -> usr/bin
    d 1777 0:0 /tmp
    f 0644 0:0 /tmp/x
    f 0755 0:0 /usr/bin/dash 'dash'
    h 0755 0:0 /usr/bin/ash => /usr/bin/dash
    l 0777 0:0 /usr/bin/sh -> dash
    l 0777 0:0 /usr/bin/ring -> ring2
    l 0777 0:0 /usr/bin/ring2 -> ring
    l 0777 0:0 /usr/bin/gone -> ../nowhere
    f 0644 0:0 /usr/lib/app/data
    l 0777 0:0 /usr/lib/app/link -> /etc/issue
    f 0644 0:0 /etc/issue
    """
)


def of(*include: str) -> str:
    return listed(included(MERGED, include, "the image"))


def test_what_a_glob_matches_comes_with_what_is_below_it_and_the_folders_above_it() -> None:
    assert of("/tmp/x", "/usr/lib/*") == text(
        """
        d 1777 0:0 /tmp
        f 0644 0:0 0 /tmp/x
        d 0755 0:0 /usr
        d 0755 0:0 /usr/lib
        d 0755 0:0 /usr/lib/app
        f 0644 0:0 0 /usr/lib/app/data
        l 0777 0:0 /usr/lib/app/link -> /etc/issue
        """
    )


def test_a_symlink_comes_with_what_it_leads_to() -> None:
    assert of("/usr/bin/sh") == text(
        """
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 4 /usr/bin/dash
        l 0777 0:0 /usr/bin/sh -> dash
        """
    )


@pytest.mark.parametrize("path", ["/usr/bin/ring", "/usr/bin/gone"])
def test_a_symlink_in_a_circle_or_to_nothing_comes_as_it_is(path: str) -> None:
    assert f"{path} -> " in of(path)


def test_a_path_through_a_symlink_is_taken_at_the_path_that_was_written() -> None:
    assert of("/bin/ash") == text(
        """
        d 0755 0:0 /bin
        f 0755 0:0 4 /bin/ash
        """
    )
    assert of("/bin/sh") == text(
        """
        d 0755 0:0 /bin
        l 0777 0:0 /bin/sh -> /usr/bin/dash
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 4 /usr/bin/dash
        """
    )


def test_a_path_through_a_symlink_that_is_taken_too_stays_where_it_is() -> None:
    assert of("/bin", "/bin/sh") == of("/bin")


def test_a_glob_that_matches_nothing_is_told_with_what_is_like_it() -> None:
    with pytest.raises(UsageError, match="include: /usr/bin/dish matches nothing in the image") as caught:
        of("/usr/bin/dish", "/etc")
    assert "/usr/bin/dash" in caught.value.hint


def test_what_is_excluded_leaves_its_other_names() -> None:
    assert "f 0755 0:0 4 /usr/bin/ash" not in listed(excluded(MERGED, ["/usr/bin/ash"]))
    assert "f 0755 0:0 4 /usr/bin/dash" in listed(excluded(MERGED, ["/usr/bin/ash"]))
    assert excluded(MERGED, ["/nothing"]) == MERGED

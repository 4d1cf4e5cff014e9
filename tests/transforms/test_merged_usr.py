"""A root with a merged /usr over one without."""

import pytest

from fromscratch.errors import Conflict
from fromscratch.transforms.merged_usr import merged
from tests.trees import listed, text, tree

UPPER = tree(
    """
    l 0777 0:0 /bin -> usr/bin
    l 0777 0:0 /lib -> usr/lib
    f 0755 0:0 /usr/bin/jq 'jq'
    f 0755 0:0 /usr/lib/libjq.so 'libjq'
    """
)


def test_what_is_below_the_folders_of_the_lower_root_moves_below_usr_and_leads_where_it_did() -> None:
    lower = tree(
        """
        f 0755 0:0 /bin/busybox 'busybox'
        h 0755 0:0 /bin/sh => /bin/busybox
        l 0777 0:0 /bin/awk -> ../etc/alternatives/awk
        l 0777 0:0 /bin/ls -> busybox
        l 0777 0:0 /etc/alternatives/awk -> /bin/busybox
        f 0644 0:0 /lib/libc.so.6 'libc'
        d 0700 3:3 /lib/private
        l 0777 0:0 /lib64 -> lib
        l 0777 0:0 /usr/bin/env -> ../../bin/busybox
        f 0644 0:0 /usr/lib/libz.so 'libz'
        """
    )
    assert listed(merged(lower, UPPER)) == text(
        """
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /etc
        d 0755 0:0 /etc/alternatives
        l 0777 0:0 /etc/alternatives/awk -> /bin/busybox
        l 0777 0:0 /lib -> usr/lib
        l 0777 0:0 /lib64 -> lib
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        l 0777 0:0 /usr/bin/awk -> ../../etc/alternatives/awk
        f 0755 0:0 7 /usr/bin/busybox
        l 0777 0:0 /usr/bin/env -> ../../bin/busybox
        f 0755 0:0 2 /usr/bin/jq
        l 0777 0:0 /usr/bin/ls -> busybox
        h 0755 0:0 /usr/bin/sh => /usr/bin/busybox
        d 0755 0:0 /usr/lib
        f 0644 0:0 4 /usr/lib/libc.so.6
        f 0755 0:0 5 /usr/lib/libjq.so
        f 0644 0:0 4 /usr/lib/libz.so
        d 0700 3:3 /usr/lib/private
        """
    )


@pytest.mark.parametrize(
    "lower",
    [
        "f 0755 0:0 /bin/env 'env'\nl 0777 0:0 /usr/bin/env -> ../../bin/env",
        "l 0777 0:0 /bin/env -> ../usr/bin/env\nf 0755 0:0 /usr/bin/env 'env'",
        "f 0755 0:0 /bin/env 'env'\nf 0755 0:0 /usr/bin/env 'env'",
        "f 0755 0:0 /bin/env 'env'\nh 0755 0:0 /usr/bin/env => /bin/env",
        "l 0777 0:0 /bin/env -> env2\nl 0777 0:0 /bin/env2 -> /usr/bin/env\nf 0755 0:0 /usr/bin/env 'env'",
    ],
)
def test_a_file_that_both_folders_have_is_there_once(lower: str) -> None:
    found = merged(tree(lower), UPPER)
    assert "f 0755 0:0 3 /usr/bin/env" in listed(found)


def test_two_different_files_are_told() -> None:
    lower = tree("f 0755 0:0 /bin/env 'env'\nf 0755 0:0 /usr/bin/env 'another'")
    with pytest.raises(Conflict, match="both differ: /bin/env and /usr/bin/env"):
        merged(lower, UPPER)


def test_a_root_without_such_folders_and_the_reverse_are_merged_as_any_other() -> None:
    assert listed(merged(UPPER, UPPER)) == listed(UPPER)
    unmerged = tree("f 0755 0:0 /bin/tool 'tool'")
    assert "f 0755 0:0 4 /usr/bin/tool" in listed(merged(UPPER, unmerged))
    assert listed(merged(unmerged, unmerged)) == listed(unmerged)

"""Packages cut to what slices list."""

import re

import pytest

from fromscratch.errors import NotInTree
from fromscratch.paths import TreePath, tree_path
from fromscratch.transforms.slicing import sliced
from tests import trees

FULL = trees.tree(
    """
    l 0777 0:0 /bin -> usr/bin
    f 0755 0:0 /usr/bin/tool
    f 0755 0:0 /usr/bin/other
    l 0777 0:0 /usr/bin/alias -> ../../etc/alternatives/alias
    l 0777 0:0 /etc/alternatives/alias -> /usr/bin/other
    f 0644 0:0 /usr/lib/libz.so.1.2.13
    l 0777 0:0 /usr/lib/libz.so.1 -> libz.so.1.2.13
    f 0644 0:0 /usr/share/tool/a/one
    f 0644 0:0 /usr/share/tool/two
    d 0700 7:7 /var/lib/tool
    f 0644 0:0 /etc/made
    f 0644 0:0 /usr/share/whole/file
    """
)


def _packages() -> dict[TreePath, list[str]]:
    made = {"/", "/bin", "/usr/bin/alias", "/etc", "/etc/alternatives", "/etc/alternatives/alias", "/etc/made"}
    owners = {path: ["tool"] for path in FULL if path not in made}
    owners[tree_path("/usr")] = owners[tree_path("/usr/share")] = ["tool", "whole"]
    owners[tree_path("/usr/share/whole")] = owners[tree_path("/usr/share/whole/file")] = ["whole"]
    return owners


def cut(*files: str) -> str:
    return trees.listed(sliced(FULL, _packages(), {"tool": files}, "rootfs[0]"))


def test_listed_files_stay_with_their_folders_and_so_does_what_belongs_to_no_slice() -> None:
    assert cut("/bin/tool", "/usr/lib/libz.so.1*", "/var/lib/tool") == trees.text(
        """
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /etc
        d 0755 0:0 /etc/alternatives
        f 0644 0:0 0 /etc/made
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 0 /usr/bin/tool
        d 0755 0:0 /usr/lib
        l 0777 0:0 /usr/lib/libz.so.1 -> libz.so.1.2.13
        f 0644 0:0 0 /usr/lib/libz.so.1.2.13
        d 0755 0:0 /usr/share
        d 0755 0:0 /usr/share/whole
        f 0644 0:0 0 /usr/share/whole/file
        d 0755 0:0 /var
        d 0755 0:0 /var/lib
        d 0700 7:7 /var/lib/tool
        """
    )


def test_a_link_that_a_script_makes_stays_where_its_end_does() -> None:
    assert "/usr/bin/alias" in cut("/usr/bin/other")
    assert "/usr/bin/alias" not in cut("/usr/bin/tool")


def test_a_folder_stands_for_itself_and_a_glob_for_what_is_below() -> None:
    assert "/usr/share/tool/two" not in cut("/usr/share/tool")
    assert "/usr/share/tool/a/one" in cut("/usr/share/tool/**")
    assert "/usr/share/tool/two" not in cut("/usr/share/tool/*/one")


def test_entries_that_stand_for_nothing_are_named_with_what_comes_near() -> None:
    message = (
        "rootfs[0]: slices list what their packages do not have:\n"
        "  tool: /usr/lib/libz.so.2 (there is /usr/lib/libz.so.1 and /usr/lib/libz.so.1.2.13)\n"
        "  tool: /usr/share/whole/file (there is /usr/share/tool/a and /usr/share/tool)\n"
        "  tool: /opt/**"
    )
    with pytest.raises(NotInTree, match=re.escape(message)):
        cut("/usr/bin/tool", "/usr/lib/libz.so.2", "/usr/share/whole/file", "/opt/**")

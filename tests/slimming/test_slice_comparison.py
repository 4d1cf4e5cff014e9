"""A slice against the files that a package has now."""

import pytest

from fromscratch.formats.installed import Manager
from fromscratch.formats.slice import Slice
from fromscratch.paths import tree_path
from fromscratch.slimming.slice_comparison import Comparison, compare
from tests import trees

TREE = trees.tree(
    """
    f 0755 0:0 /usr/sbin/server
    f 0755 0:0 /usr/sbin/new-helper
    f 0644 0:0 /usr/share/server/a
    f 0644 0:0 /usr/share/server/new
    f 0644 0:0 /usr/share/doc/server/manual
    f 0644 0:0 /etc/of-another
    """
)
OWN = frozenset(path for path in TREE if path != tree_path("/etc/of-another") and path != tree_path("/etc"))


def test_what_is_missing_and_what_lies_beside_is_named() -> None:
    files = {"/usr/sbin/server": "", "/usr/sbin/helper": "", "/usr/share/server/**": "", "/etc/of-another": ""}
    one = Slice(package="server", versions=">= 1.2, << 1.3~", files={**files})
    assert compare(one, "1.2-4", TREE, OWN) == Comparison(
        package="server",
        version="1.2-4",
        in_range=True,
        entries=4,
        matched=3,
        missing={"/usr/sbin/helper": ["/usr/sbin/new-helper", "/usr/sbin/server", "/usr/sbin"], "/etc/of-another": []},
        beside=["/usr/sbin/new-helper"],
    )


@pytest.mark.parametrize(
    ("manager", "versions", "in_range"),
    [
        ("dpkg", ">= 1.2, << 1.3~", False),
        ("dpkg", ">= 1.3~", True),
        ("dpkg", "", True),
        ("rpm", ">= 1.2", None),
        ("rpm", "", True),
        ("dpkg", "nonsense", None),
    ],
)
def test_versions_are_compared_as_their_manager_does(manager: Manager, versions: str, in_range: bool | None) -> None:
    one = Slice(package="server", manager=manager, versions=versions, files={"/usr/sbin/server": ""})
    assert compare(one, "1.3-1", TREE, OWN).in_range is in_range

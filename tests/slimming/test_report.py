"""The gap report: how much is kept by which evidence, and how much is left out."""

import msgspec
import pytest

from fromscratch.errors import NotInTree
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.paths import TreePath
from fromscratch.slimming.report import Amount, report
from tests.slimming.made import MERGED_USR, chosen, names, opened, trace, tree
from tests.sysroots import MULTIARCH, library, program


def test_files_are_counted_by_evidence_and_folder() -> None:
    files: dict[str, bytes | str] = {
        **MERGED_USR,
        "/usr/bin/server": program("libused.so.1"),
        f"{MULTIARCH}/libused.so.1": library("libused.so.1"),
        "/usr/share/data": "12345",
        "/usr/share/unused": "123",
        "/etc/os-release": "ID=x",
    }
    whole = tree("", files)
    seen = trace(
        ("exec", "/usr/bin/server"), ("open", f"{MULTIARCH}/libused.so.1"), ("open", "/usr/share/data"), ("open", "/no")
    )
    found = report(whole, chosen(whole, seen))
    assert {kind: amount.files for kind, amount in found.evidence.items()} == {
        "used and linked": 1,
        "used only": 2,
        "linked only": 2,
        "other reasons": 1,
        "dropped": 1,
    }
    assert found.folders["/usr/share"] == {"used only": Amount(1, 5), "dropped": Amount(1, 3)}
    assert found.full.files == 7
    assert found.slim.files == 6
    assert found.full.bytes - found.slim.bytes == 3
    assert [each.path for each in found.unexercised] == [
        f"{MULTIARCH}/libc.so.6",
        f"{MULTIARCH}/ld-linux-x86-64.so.2",
        "/etc/os-release",
    ]
    assert found.absent == ("/no",)


def test_names_that_are_not_utf_8_are_written_as_listings_quote_them() -> None:
    whole = tree(r"""
        f 0644 0:0 /\xff/used
        f 0644 0:0 /\xff/old
    """)
    found = report(whole, chosen(whole, opened("/\udcff/used", "/\udcfe"), keep=("/*/old",)))
    assert list(found.folders) == [r"/\xff"]
    assert [each.path for each in found.unexercised] == [r"/\xff/old"]
    assert found.absent == (r"/\xfe",)
    assert msgspec.json.encode(found)


def test_an_inode_with_several_names_counts_once() -> None:
    whole = tree("""
        f 0644 0:0 /a '123'
        h 0644 0:0 /b => /a
    """)
    assert report(whole, chosen(whole, trace(("open", "/b")))).evidence == {"used only": Amount(1, 3)}


STATUS = TreePath("/var/lib/dpkg/status")
DPKG = """
    f 0755 0:0 /usr/bin/one '1'
    f 0755 0:0 /usr/bin/one-more '12'
    f 0755 0:0 /usr/bin/two '123'
    f 0644 0:0 /var/lib/dpkg/status 'Package: one\\nStatus: install ok installed\\nVersion: 1-2\\n\\nPackage: two\\nStatus: install ok installed\\nVersion: 3\\n'
    f 0644 0:0 /var/lib/dpkg/info/one.list '/usr/bin/one\\n/usr/bin/one-more\\n'
    f 0644 0:0 /var/lib/dpkg/info/two.list '/usr/bin/two\\n'
"""  # noqa: E501  a status file on one line


def test_packages_are_named_with_their_versions_and_their_records_stay_where_scanners_look() -> None:
    whole = tree(DPKG)
    selection = chosen(whole, opened("/usr/bin/one"))
    found = {package.name: package for package in report(whole, selection).packages}
    assert (found["one"].needed, found["one"].version) == (True, "1-2")
    assert found["one"].evidence == {"used only": Amount(1, 1), "dropped": Amount(1, 2)}
    assert not found["two"].needed
    assert names(selection) == ["/usr/bin/one", "/var/lib/dpkg/info/one.list", "/var/lib/dpkg/status"]
    status = selection.tree.find(STATUS)
    assert isinstance(status, File)
    assert b"Package: two" not in read(status.content)


def test_records_are_left_out_on_request_and_stay_whole_where_a_run_read_them() -> None:
    whole = tree(DPKG)
    assert names(chosen(whole, opened("/usr/bin/one"), package_records=False)) == ["/usr/bin/one"]
    assert names(chosen(whole, opened("/usr/bin/one"), drop=("/var/lib/dpkg",))) == ["/usr/bin/one"]
    seen = chosen(whole, opened("/usr/bin/one", "/var/lib/dpkg/status"))
    assert seen.tree[STATUS] == whole[STATUS]


def test_a_package_is_kept_whole_on_request() -> None:
    selection = chosen(tree(DPKG), opened("/usr/bin/two"), keep_packages=("one",), package_records=False)
    assert names(selection) == ["/usr/bin/one", "/usr/bin/one-more", "/usr/bin/two"]
    with pytest.raises(NotInTree, match="no package of the image is called oen") as caught:
        chosen(tree(DPKG), opened("/usr/bin/two"), keep_packages=("oen",))
    assert caught.value.hint == "did you mean one?"

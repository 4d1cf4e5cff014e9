"""The gap report: how much is kept by which evidence, and how much is left out."""

from fromscratch.slimming.report import Amount, report
from tests.slimming.made import MERGED_USR, chosen, trace, tree
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
    assert list(found.unexercised) == [
        f"{MULTIARCH}/libc.so.6",
        f"{MULTIARCH}/ld-linux-x86-64.so.2",
        "/etc/os-release",
    ]
    assert found.absent == ("/no",)


def test_an_inode_with_several_names_counts_once() -> None:
    whole = tree("""
        f 0644 0:0 /a '123'
        h 0644 0:0 /b => /a
    """)
    assert report(whole, chosen(whole, trace(("open", "/b")))).evidence == {"used only": Amount(1, 3)}

"""The one line that tells all of an entry."""

from fromscratch.model import listing
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.paths import tree_path


def test_a_huge_attribute_is_cut_where_people_read_it_and_whole_where_trees_are_compared() -> None:
    entry = File(Meta(0o644, xattrs=(("user.a", bytes(65536)), ("user.b", b"\1\2"))), Inline(b""))
    shown = listing.line(tree_path("/f"), entry, 4)
    assert shown == "f 0644 0:0 0 /f {user.a=0x00000000… (65536 bytes) user.b=0x0102}"
    assert len(listing.line(tree_path("/f"), entry)) > 2 * 65536
    assert listing.facts(tree_path("/f"), entry)["xattrs"] == {"user.a": "00" * 65536, "user.b": "0102"}

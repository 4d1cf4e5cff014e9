"""What a small image lacks that its programs asked for."""

from fromscratch.formats.trace.events import Event
from fromscratch.proof.lost import Lost, lost
from tests.trees import tree

FULL = """
    l 0777 0:0 /bin -> usr/bin
    d 0755 0:0 /usr
    d 0755 0:0 /usr/bin
    f 0755 0:0 /usr/bin/sh ''
    f 0644 0:0 /usr/lib/plugin.so ''
    l 0777 0:0 /usr/lib/again -> plugin.so
    l 0777 0:0 /usr/lib/nowhere -> /srv/nothing
"""
SMALL = """
    d 0755 0:0 /usr
    d 0755 0:0 /usr/bin
    f 0755 0:0 /usr/bin/sh ''
"""


def test_a_path_that_only_the_full_image_has_is_lost_and_names_who_asked_first() -> None:
    events = [
        Event("missing", "/etc/ld.so.preload", "/usr/bin/sh"),
        Event("missing", "/usr/lib/./plugin.so", "/usr/bin/sh"),
        Event("missing", "/usr/lib/./plugin.so", "/usr/bin/other"),
        Event("missing", "/bin/sh", "/usr/bin/sh"),
        Event("open", "/usr/lib/again", "/usr/bin/sh"),
        Event("missing", "/usr/lib/again", "/usr/bin/sh"),
        Event("missing", "/usr/lib/nowhere", ""),
        Event("missing", "/usr/bin/sh", "/usr/bin/sh"),
    ]
    assert lost(events, tree(FULL), tree(SMALL)) == (
        Lost("/usr/lib/./plugin.so", "/usr/bin/sh"),
        Lost("/bin/sh", "/usr/bin/sh"),
        Lost("/usr/lib/again", "/usr/bin/sh"),
        Lost("/usr/lib/nowhere", ""),
    )

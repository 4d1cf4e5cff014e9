"""os-release(5)."""

from fromscratch.formats import os_release
from fromscratch.formats.os_release import OsRelease


def test_a_release_is_named_by_number_and_name() -> None:
    raw = b'# a comment\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=\'bookworm\'\nPRETTY_NAME="Debian"\n'
    found = os_release.read(raw)
    assert found == OsRelease("debian", "12", "bookworm")
    assert str(found) == "debian 12 (bookworm)"
    assert str(os_release.read(b"ID=arch\n")) == "arch"
    assert os_release.read(b"\xff\0nonsense\nID=\x1b[31m\n") == OsRelease()

"""The times of installation in the database of RPM."""

import struct

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.rpm import header, sqlite
from fromscratch.formats.rpm.install_time import with_install_time
from tests.formats.rpm import databases

TIMES = (1008, 1128)


def made(moment: int) -> bytes:
    """A header with both times at its end, as rpm adds them."""
    entries = [(1000, 6, b"app\0"), (1001, 6, b"1.0\0"), (1002, 6, b"1\0\0\0")]
    entries += [(tag, 4, struct.pack(">I", moment)) for tag in TIMES]
    data, index = b"", b""
    for tag, kind, value in entries:
        index += struct.pack(">IIII", tag, kind, len(data), 1)
        data += value
    return struct.pack(">II", len(entries), len(data)) + index + data


def test_both_times_are_replaced_and_nothing_else() -> None:
    assert with_install_time(made(1_796_000_000), 1_700_000_000) == made(1_700_000_000)
    assert header.installed(made(1)).package.name == "app"


@pytest.mark.parametrize("blob", [b"", made(1)[:20], made(1)[:-2]])
def test_a_cut_header_is_refused(blob: bytes) -> None:
    with pytest.raises(FormatError, match="is cut"):
        with_install_time(blob, 1)


def test_two_databases_of_the_same_packages_become_the_same() -> None:
    one, other = (
        sqlite.at_time(databases.sqlite({1: made(moment), 2: made(moment)}), b"", 1_700_000_000)
        for moment in (1_796_000_000, 1_796_000_009)
    )
    assert one == other
    assert dict(sqlite.blobs(one)) == {1: made(1_700_000_000), 2: made(1_700_000_000)}

"""The database of dpkg: status files, lists, checksums and diversions."""

from fromscratch.formats.debian import installed
from fromscratch.formats.installed import Package

STATUS = b"""Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9+deb12u4
Description: library
 Package: not a field

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: never
Status: purge ok not-installed
Version: 1

Package: ../../etc
Status: install ok installed
Version: 1

Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2-2
"""
LIBC = Package("dpkg", "libc6", "2.36-9+deb12u4", "amd64")


def test_installed_packages_are_found() -> None:
    libc, bash = installed.records(STATUS)
    assert libc.package == LIBC
    assert libc.info_names == ("libc6:amd64", "libc6")
    assert bash.info_names == ("bash", "bash:amd64")


def test_a_status_file_is_cut_to_whole_paragraphs() -> None:
    assert installed.cut_status(STATUS, {LIBC}) == STATUS.partition(b"\n\n")[0] + b"\n\n"
    assert installed.cut_status(STATUS, frozenset()) == b""


def test_lists_and_checksums_are_cut_to_what_remains() -> None:
    listing = b"/.\n/usr\n/usr/bin\n/usr/bin/a\n/usr/bin/b\n"
    assert installed.file_list(listing) == ("/usr", "/usr/bin", "/usr/bin/a", "/usr/bin/b")
    assert installed.cut_list(listing, lambda path: not path.endswith("a")) == b"/.\n/usr\n/usr/bin\n/usr/bin/b\n"
    sums = b"00  usr/bin/a\n11  ./usr/bin/b b\n"
    assert installed.summed_files(sums) == ("/usr/bin/a", "/usr/bin/b b")
    assert installed.cut_sums(sums, lambda path: path.endswith("a")) == b"00  usr/bin/a\n"


def test_diversions_say_what_moved_where_and_for_whom() -> None:
    raw = b"/bin/sh\n/bin/sh.distrib\ndash\n/x\n/y\n:\n"
    assert installed.diversions(raw) == {"/bin/sh": ("/bin/sh.distrib", "dash"), "/x": ("/y", ":")}

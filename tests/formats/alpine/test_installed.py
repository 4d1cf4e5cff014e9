"""The database of apk, read and cut."""

from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.alpine import installed
from fromscratch.formats.installed import Package

MUSL = """\
C:Q1wFc+H3R3UDPK24Vf1lzAhMbVYKs=
P:musl
V:1.2.4-r2
A:x86_64
T:the musl c library
o:musl
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1SvgMqbHh9oi8XpkEWgN2Z0sWmSU=
R:libc.musl-x86_64.so.1
a:0:0:777
"""
LAYOUT = """\
P:alpine-baselayout
V:3.4.3-r1
A:x86_64
F:
F:dev
F:tmp
M:0:0:1777
F:etc
R:motd
Z:Q1XmduVVNURHQ27TvYp1Lr5TMtFcA=
"""
RAW = f"{MUSL}\n{LAYOUT}\n".encode()
MUSL_PACKAGE = Package("apk", "musl", "1.2.4-r2", "x86_64")


def test_packages_have_folders_and_files() -> None:
    musl, layout = installed.installed(RAW)
    assert musl.package == MUSL_PACKAGE
    assert musl.files == ("/lib", "/lib/ld-musl-x86_64.so.1", "/lib/libc.musl-x86_64.so.1")
    assert layout.files == ("/dev", "/tmp", "/etc", "/etc/motd")


def test_everything_stays_where_everything_remains() -> None:
    packages = {each.package for each in installed.installed(RAW)}
    assert installed.cut(RAW, packages, lambda path: True) == RAW


def test_a_file_goes_with_its_metadata_and_a_package_with_all_its_lines() -> None:
    cut = installed.cut(RAW, {MUSL_PACKAGE}, lambda path: "ld-musl" not in path)
    assert (
        cut.decode() == MUSL.replace("R:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1SvgMqbHh9oi8XpkEWgN2Z0sWmSU=\n", "") + "\n"
    )


def test_a_folder_goes_with_its_mode() -> None:
    layout = Package("apk", "alpine-baselayout", "3.4.3-r1", "x86_64")
    cut = installed.cut(RAW, {layout}, lambda path: path in ("/etc", "/etc/motd"))
    assert cut.decode() == LAYOUT.replace("F:dev\nF:tmp\nM:0:0:1777\n", "") + "\n"


@given(st.binary() | st.text(alphabet="PVFR:ab/\n").map(str.encode))
def test_any_database_is_read(raw: bytes) -> None:
    for found in installed.installed(raw):
        assert found.package.name
        assert all(file.startswith("/") for file in found.files)

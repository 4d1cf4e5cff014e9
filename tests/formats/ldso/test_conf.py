"""ld.so.conf as ldconfig reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.ldso.conf import Include, Line, Listed, parse


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("/opt/lib", (Listed("/opt/lib"),)),
        ("  /opt/lib/  \n\t/usr/x//\n", (Listed("/opt/lib"), Listed("/usr/x"))),
        ("/opt/a b/lib\n", (Listed("/opt/a b/lib"),)),
        ("# all of it\n/opt/lib # why\n/opt/x#y\n", (Listed("/opt/lib"), Listed("/opt/x"))),
        ("/\n//\n", ()),  # ldconfig takes the slashes off, and nothing is left
        ("/usr/lib=libc5\n/usr/x=glibc2 \n/opt/a=b\n", (Listed("/usr/lib"), Listed("/usr/x"), Listed("/opt/a=b"))),
        ("hwcap 0 nosegneg\nHWCAP\t1 x\n", ()),
        ("include /etc/ld.so.conf.d/*.conf", (Include(("/etc/ld.so.conf.d/*.conf",)),)),
        (" include\ta.conf  b/*.conf\tc.conf # d.conf", (Include(("a.conf", "b/*.conf", "c.conf")),)),
        ("include", (Listed("include"),)),  # as ldconfig has it, which then finds no such directory
        ("/opt/lib\r\n", (Listed("/opt/lib"),)),
        ("/opt/lib\0/else\n", (Listed("/opt/lib"),)),
    ],
)
def test_lines(text: str, lines: tuple[Line, ...]) -> None:
    assert parse(text) == lines


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for line in parse(text):
        assert isinstance(line, Include) or (line.directory and not line.directory.endswith("/"))

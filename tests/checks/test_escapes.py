"""Text with backslashes as the bytes that go over a connection."""

import pytest

from fromscratch.checks.escapes import unescaped


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("PING\r\n", b"PING\r\n"),
        (r"PING\r\n", b"PING\r\n"),
        (r"\x00\xfF\0\t", b"\x00\xff\x00\t"),
        (r"a\\n", b"a\\n"),
        ("grün", "grün".encode()),
        ("", b""),
    ],
)
def test_escapes_stand_for_bytes(text: str, data: bytes) -> None:
    assert unescaped(text) == data


@pytest.mark.parametrize("text", [r"\q", "\\", r"\x1", r"\xgg", "\\é"])
def test_what_is_not_an_escape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an escape"):
        unescaped(text)

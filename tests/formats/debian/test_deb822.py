"""deb822(5)."""

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.debian.deb822 import stanza, stanzas


def test_paragraphs() -> None:
    text = (
        "# from the archive\nPackage: a\nDepends: b,\n c\n\n \n\nPACKAGE:d\nDescription: short\n long\n .\n\tmore  \n"
    )
    assert list(stanzas(text)) == [
        {"package": "a", "depends": "b,\nc"},
        {"package": "d", "description": "short\nlong\n.\nmore"},
    ]


def test_comment_inside_a_value() -> None:
    assert stanza("A: 1\n# no part of it\n 2\n") == {"a": "1\n2"}


def test_empty() -> None:
    assert list(stanzas("\n\n")) == []
    with pytest.raises(FormatError, match="the Release file is empty"):
        stanza("", "the Release file")


@pytest.mark.parametrize(
    ("text", "line"),
    [("Package a\n", 1), ("\n folded\n", 2), ("A: 1\nA: 2\n", 2), (": x\n", 1), ("A: 1\nB C: 2\n", 2)],
)
def test_malformed(text: str, line: int) -> None:
    with pytest.raises(FormatError, match=rf"x\.deb, line {line}: "):
        list(stanzas(text, "x.deb"))

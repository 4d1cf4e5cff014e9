"""Recognition of web pages that a server sent in place of a file: a login, a list of releases, a proxy's error."""

START = 512
"""How many bytes of a file are enough to recognise one."""
PAGE_HINT = "name the file itself: the address is that of a page about it, or the server has answered something else"

_KINDS = (
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<head", "a web page"),
    (b"<!--", "a web page"),
    (b"<?xml", "an XML document"),
    (b'{"', "a JSON document"),
    (b'[{"', "a JSON document"),
    (b"version https://git-lfs.github.com/", "a pointer of Git LFS"),
)
_TAR = slice(257, 262), b"ustar"  # what its first entry is called may be anything


def page(start: bytes) -> str:
    """The kind of page that begins with these bytes; empty for any other file."""
    place, magic = _TAR
    if start[place] == magic:
        return ""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").lower()
    if text.startswith((b"{", b"[")):
        text = b"".join(text.split())  # JSON may be indented
    return next((kind for begin, kind in _KINDS if text.startswith(begin)), "")

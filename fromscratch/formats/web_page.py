"""Pages that came where a file was wanted: a login, a list of releases, the error of a proxy."""

START = 512
"""As many bytes of a file tell."""
PAGE_HINT = "name the file itself: the address is that of a page about it, or the server has answered something else"

_KINDS = (
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<head", "a web page"),
    (b"<!--", "a web page"),
    (b"<?xml", "an XML document"),
)


def page(start: bytes) -> str:
    """What a file is that begins with these bytes, if it is a page; else nothing."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").lower()
    return next((kind for magic, kind in _KINDS if text.startswith(magic)), "")

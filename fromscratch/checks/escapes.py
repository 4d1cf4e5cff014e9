"""Bytes that are written as text with backslashes: what a check sends to a port."""

import re

_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.|$)", re.DOTALL)
_MEANINGS = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
_KNOWN = r"\r, \n, \t, \0, \\ and \xNN"


def unescaped(text: str) -> bytes:
    r"""Text with \r, \n, \t, \0, \\ and \xNN as the bytes that they stand for. Raises ValueError for any other."""

    def meaning(found: re.Match[bytes]) -> bytes:
        word = found[1]
        if len(word) == 3:
            return bytes.fromhex(word[1:].decode())
        if word not in _MEANINGS:
            raise ValueError(f"\\{word.decode('utf-8', 'replace')} is not an escape; there are {_KNOWN}")
        return _MEANINGS[word]

    return _ESCAPE.sub(meaning, text.encode())


def escaped(data: bytes) -> str:
    r"""The text that stands for these bytes; `unescaped` gives them back."""
    short = {ord(b"\r"): "\\r", ord(b"\n"): "\\n", ord(b"\t"): "\\t", ord(b"\\"): "\\\\"}
    return "".join(short.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}") for byte in data)

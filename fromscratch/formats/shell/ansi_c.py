r"""`$'…'` of bash and POSIX.1-2024 (XCU 2.2.4): text with the escapes of C."""

from fromscratch.lazy_regex import lazy_regex

_PIECE = lazy_regex(
    r"(?P<plain>[^'\\]+)|\\(?:(?P<hex>x[0-9A-Fa-f]{1,2})|(?P<unicode>u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8})"
    r"|(?P<octal>[0-7]{1,3})|c(?P<control>[^'\\])|(?P<one>[^xuUc0-7]|[xuUc]))"
)
_SINGLE = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LITERAL = "'\"\\?"


def ansi_c(text: str, position: int) -> tuple[str, int]:
    """The text that begins behind `$'`, and the position behind its end: -1 if it has none."""
    found = []
    while piece := _PIECE.match(text, position):
        position = piece.end()
        found.append(_meaning(piece.lastgroup or "", piece[piece.lastgroup or 0]))
    return "".join(found), position + 1 if text.startswith("'", position) else -1


def _meaning(kind: str, written: str) -> str:
    match kind:
        case "plain":
            return written
        case "hex":
            return _byte(int(written[1:], 16))
        case "octal":
            return _byte(int(written, 8) & 0xFF)
        case "unicode":
            number = int(written[1:], 16)
            return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else "\N{REPLACEMENT CHARACTER}"
        case "control":
            return chr(ord(written) & 0x1F)
        case _:
            return _SINGLE.get(written, written if written in _LITERAL else "\\" + written)


def _byte(number: int) -> str:
    """A byte as text has it: what is not ASCII is a surrogate, as in names of files."""
    return bytes([number]).decode("ascii", "surrogateescape")

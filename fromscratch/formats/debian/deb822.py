"""Paragraphs of fields, as control files, Release and Packages have them: deb822(5), Debian Policy 5.1."""

from collections.abc import Iterator

from fromscratch.errors import FormatError

Stanza = dict[str, str]


def stanzas(text: str, what: str = "the control file") -> Iterator[Stanza]:
    """Each paragraph as a dict, its field names in lower case (they are case-insensitive).

    A folded or multi-line value keeps its line breaks and loses one leading blank a line. Lines
    that start with # are comments. Raises FormatError, with `what` and the line number.
    """
    fields: Stanza = {}
    last = ""
    for number, line in enumerate(text.split("\n"), 1):
        if line[:1] in (" ", "\t") and line.strip():
            if not last:
                raise _malformed(what, number, line)
            fields[last] += "\n" + line[1:].rstrip()
        elif not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif not line.startswith("#"):
            name, colon, value = line.partition(":")
            last = name.lower()
            if not colon or not name or " " in name or last in fields:
                raise _malformed(what, number, line)
            fields[last] = value.strip()
    if fields:
        yield fields


def stanza(text: str, what: str = "the control file") -> Stanza:
    """The first paragraph. Raises FormatError when there is none."""
    for first in stanzas(text, what):
        return first
    raise FormatError(f"{what} is empty", "fetch it again; it may be cut")


def decoded(raw: bytes) -> str:
    """The text of such a file. It is UTF-8; a byte that is not survives as a surrogate."""
    return raw.decode("utf-8", "surrogateescape")


def _malformed(what: str, number: int, line: str) -> FormatError:
    return FormatError(
        f"{what}, line {number}: {line[:60]!r} is not a field",
        "a paragraph has lines like 'Name: value', each name once; fetch the file again, it may be damaged",
    )

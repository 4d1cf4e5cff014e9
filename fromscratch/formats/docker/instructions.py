"""A Dockerfile read: its instructions with their lines, and the words in them expanded.

Follows the Dockerfile reference: parser directives, comments, continued lines, here-documents, flags, exec forms, and
the variables of ARG and ENV with `:-` and `:+`. Nothing is run, and nothing is asked of the environment.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import json_value

_DIRECTIVE = lazy_regex(r"#\s*([A-Za-z]+)\s*=\s*(.*?)\s*")
_HEREDOC = lazy_regex(r"(?<![<\w])<<(-?)([\"']?)([A-Za-z_][A-Za-z0-9_.]*)\2")
_FLAG = lazy_regex(r"--([a-z][a-z0-9-]*)(?:=(\S*))?(?:\s+|$)")
_MOST = 20_000  # instructions and words of a Dockerfile
# Where the words after the instruction may have here-documents.
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")


class Heredoc(Struct, frozen=True):
    """The text of a here-document; `expanded` where variables in it count."""

    name: str
    text: str
    expanded: bool


class Instruction(Struct, frozen=True, kw_only=True):
    """One instruction: `name` in capitals, `rest` what follows its flags, on one line.

    `words` are those of an exec form, a list in JSON; None where there is none.
    """

    line: int
    last: int
    name: str
    flags: tuple[tuple[str, str], ...] = ()
    rest: str = ""
    words: tuple[str, ...] | None = None
    heredocs: tuple[Heredoc, ...] = ()

    def flag(self, name: str) -> str:
        return dict(self.flags).get(name, "")


class Dockerfile(Struct, frozen=True):
    """All instructions, and the character that continues lines and takes the meaning from the next one."""

    instructions: tuple[Instruction, ...]
    escape: str


def read(text: str, name: str) -> Dockerfile:
    """The instructions of a Dockerfile. Raises FormatError, with the line, for what is none."""
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape(lines, name)
    found = list(_instructions(lines, escape, name))
    if len(found) > _MOST:
        raise FormatError(f"{name}: this has more than {_MOST} instructions", "name a Dockerfile")
    return Dockerfile(tuple(found), escape)


def _escape(lines: list[str], name: str) -> str:
    """The character of the parser directive `escape`, which stands before everything else."""
    for number, line in enumerate(lines, 1):
        directive = _DIRECTIVE.fullmatch(line.strip())
        if not directive:
            break
        if directive[1].lower() == "escape":
            if directive[2] not in ("\\", "`"):
                raise FormatError(f"{name}:{number}: escape is \\ or `, not {directive[2]!r}", "correct the directive")
            return directive[2]
    return "\\"


def _instructions(lines: list[str], escape: str, name: str) -> Iterator[Instruction]:
    at = 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].lstrip().startswith("#"):
            at += 1
            continue
        first = at
        text, at = _joined(lines, at, escape)
        if not text.strip():  # an escape character alone, at the end
            continue
        word, *behind = text.split(maxsplit=1)
        rest = behind[0] if behind else ""
        instruction = word.upper()
        if not re.fullmatch(r"[A-Z]+", instruction):
            raise FormatError(f"{name}:{first + 1}: {word[:40]!r} is not an instruction", "name a Dockerfile")
        heredocs: list[Heredoc] = []
        if instruction in _WITH_HEREDOCS:
            for dash, quote, word in _HEREDOC.findall(rest):
                document, at = _heredoc(lines, at, word, tabs=bool(dash), name=f"{name}:{first + 1}")
                heredocs.append(Heredoc(word, document, not quote))
        flags, rest = _flags(rest.strip())
        yield Instruction(
            line=first + 1,
            last=at,
            name=instruction,
            flags=flags,
            rest=rest,
            words=_exec(rest),
            heredocs=tuple(heredocs),
        )


def _joined(lines: list[str], at: int, escape: str) -> tuple[str, int]:
    """The instruction that begins on a line, its continued lines joined; and the number of the line behind it.

    Comments and empty lines between continued ones are left out.
    """
    text = ""
    while at < len(lines):
        line = lines[at]
        at += 1
        if text and (not line.strip() or line.lstrip().startswith("#")):
            continue
        cut = line.rstrip()
        if not cut.endswith(escape):
            return text + line, at
        text += cut.removesuffix(escape)
    return text, at


def _heredoc(lines: list[str], at: int, word: str, *, tabs: bool, name: str) -> tuple[str, int]:
    found: list[str] = []
    while at < len(lines):
        line = lines[at].lstrip("\t") if tabs else lines[at]
        at += 1
        if line == word:
            return "".join(f"{each}\n" for each in found), at
        found.append(line)
    raise FormatError(f"{name}: the here-document {word} has no end", f"write {word} alone on the line behind it")


def _flags(rest: str) -> tuple[tuple[tuple[str, str], ...], str]:
    found = []
    while flag := _FLAG.match(rest):
        found.append((flag[1], flag[2] or ""))
        rest = rest[flag.end() :]
    return tuple(found), rest.strip()


def _exec(rest: str) -> tuple[str, ...] | None:
    if not rest.startswith("["):
        return None
    try:
        value = json_value(rest)
    except ValueError:
        return None
    strings = isinstance(value, list) and all(isinstance(word, str) for word in value)
    return tuple(value) if strings else None


def split(text: str, escape: str = "\\") -> list[str]:
    """The words of a line, blanks in quotes and behind the escape character included; quotes stay as they are."""
    words, word, quote, at = [], "", "", 0
    while at < len(text):
        letter = text[at]
        if letter == escape and quote != "'" and at + 1 < len(text):
            word += text[at : at + 2]
            at += 2
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter.isspace():
            if word:
                words.append(word)
            word = ""
            at += 1
            continue
        word += letter
        at += 1
    return [*words, word] if word else words


Lookup = Callable[[str], str | None]


def expand(text: str, variables: Mapping[str, str] | Lookup, escape: str = "\\", *, quotes: bool = True) -> str:
    """A word with its variables in place and its quotes off, as the builder reads it.

    `variables` gives the value of a name, or None for one that is not set, which is empty. Without `quotes` they and
    the escape character stay, but where it stands before a `$`.
    """
    lookup = variables if callable(variables) else variables.get
    return _Expansion(text, lookup, escape, quotes).result()


class _Expansion:
    def __init__(self, text: str, lookup: Lookup, escape: str, quotes: bool) -> None:
        self._text, self._lookup, self._escape, self._quotes = text, lookup, escape, quotes

    def result(self) -> str:
        out, at, quote, text = "", 0, "", self._text
        while at < len(text):
            letter = text[at]
            if letter == self._escape and quote != "'" and at + 1 < len(text):
                follower = text[at + 1]
                bare = (not self._quotes and follower != "$") or (quote == '"' and follower not in f'"$`{self._escape}')
                out += letter + follower if bare else follower
                at += 2
            elif self._quotes and letter in "\"'" and quote in ("", letter):
                quote = "" if quote else letter
                at += 1
            elif letter == "$" and quote != "'":
                value, at = self._variable(at)
                out += value
            else:
                out += letter
                at += 1
        return out

    def _variable(self, at: int) -> tuple[str, int]:
        plain = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)").match(self._text, at)
        if plain:
            return self._lookup(plain[1]) or "", plain.end()
        braced = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+])([^{}]*))?\}").match(self._text, at)
        if not braced:
            return "$", at + 1
        value = self._lookup(braced[1])
        operator, word = braced[2] or "", braced[3] or ""
        present = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("-"):
            return (value or "") if present else expand(word, self._lookup, self._escape), braced.end()
        if operator.endswith("+"):
            return expand(word, self._lookup, self._escape) if present else "", braced.end()
        return value or "", braced.end()


def pairs(rest: str, escape: str = "\\") -> list[tuple[str, str]]:
    """The keys and values, not expanded, of `ENV` and `LABEL`: KEY=VALUE of several, or KEY VALUE of one."""
    words = split(rest, escape)
    if words and "=" not in words[0]:
        key, _, value = rest.strip().partition(" ")
        return [(key, value.strip())]
    return [(key, value) for key, separator, value in (word.partition("=") for word in words) if separator]


def duration(text: str) -> float | None:
    """Seconds of a duration such as 1m30s; None for what is none."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
    if not re.fullmatch(r"(\d+(\.\d+)?(h|ms|us|µs|ns|m|s))+", text):
        return None
    return sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)", text))

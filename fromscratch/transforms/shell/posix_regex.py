"""Regular expressions of POSIX, with GNU's additions, as sed(1) and grep(1) take them: XBD 9.

They are written as Python's, after a look at what the search could cost: Python's goes back over what it has matched,
so an expression that could do so without end, and a line too long for the rest, are not understood.
"""

import re

from msgspec import Struct

from fromscratch.transforms.shell.machine import NotUnderstood

_DEEPEST = 32
_STARTS = ("^", r"\A")
_MOST_REPEATS = 1_000
_LONGEST = (16 << 20, 1 << 20, 8_192, 1_500, 400, 160, 100, 70, 50, 40, 30, 24, 20, 16, 14, 12, 10)
"""The longest text that is searched with 0, 1, 2… repetitions in the expression; with more, the last."""
_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "print": r"\ -~",
    "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9A-Fa-f",
}
_ESCAPES = {
    "w": "[a-zA-Z0-9_]",
    "W": "[^a-zA-Z0-9_]",
    "s": r"[ \t\n\r\f\v]",
    "S": r"[^ \t\n\r\f\v]",
    "b": r"\b",
    "B": r"\B",
    "<": r"\b(?=\w)",
    ">": r"\b(?<=\w)",
    "`": r"\A",
    "'": r"\Z",
}
_WITHOUT_WIDTH = frozenset("bB<>`'")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


class Regex(Struct, frozen=True):
    """`ambiguous` says that Python may find another match than the longest, where there is one at all."""

    pattern: re.Pattern[str]
    repeats: int
    ambiguous: bool

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """The first match from a position on. Raises NotUnderstood for a text that is too long for the expression."""
        self._check(text)
        return self.pattern.search(text, start)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """The match of the whole text. Raises NotUnderstood as `search` does."""
        self._check(text)
        return self.pattern.fullmatch(text)

    def _check(self, text: str) -> None:
        if len(text) > _LONGEST[min(self.repeats, len(_LONGEST) - 1)]:
            raise NotUnderstood(f"a line of {len(text)} characters is too long for the pattern")


class _Piece(Struct, frozen=True):
    """A part of the expression in Python's words.

    `literal` is its text if it matches nothing else, `width` the length of all that it matches if that is one number.
    `first` is the only character that it can start with, `required` those that are in each match, `repeated` what is
    repeated in it. `branches` says that it has alternatives that can match the same.
    """

    text: str
    literal: str | None = None
    width: int | None = None
    first: str = ""
    required: frozenset[str] = frozenset()
    repeated: tuple[str, ...] = ()
    branches: bool = False


def posix_regex(
    text: str, *, extended: bool = False, ignore_case: bool = False, lines: bool = False, controls: bool = False
) -> Regex:
    """A basic or extended expression. With `lines` `^` and `$` match at every line of the text.

    With `controls` `\\n` and `\\t` stand for their characters, as in sed. Raises NotUnderstood.
    """
    reader = _Reader(text, extended, lines, controls)
    piece = reader.alternatives(0)
    if reader.position != len(text):
        raise NotUnderstood(f"the pattern {text} does not end where it should")
    flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0) | (re.MULTILINE if lines else 0)
    try:
        return Regex(re.compile(piece.text, flags), len(piece.repeated), reader.ambiguous)
    except (re.error, OverflowError, RecursionError) as error:
        raise NotUnderstood(f"the pattern {text} is not known: {error}") from error


class _Reader:
    def __init__(self, text: str, extended: bool, lines: bool, controls: bool) -> None:
        self._text, self._extended, self._lines, self._controls = text, extended, lines, controls
        self.position = 0
        self.ambiguous = False
        self._groups = 0

    def alternatives(self, depth: int) -> _Piece:
        if depth > _DEEPEST:
            raise NotUnderstood("the pattern is too deep")
        branches = [self._branch(depth)]
        while self._token() == "|":
            self._advance()
            branches.append(self._branch(depth))
        if len(branches) == 1:
            return branches[0]
        clear = all(branch.first for branch in branches) and len({branch.first for branch in branches}) == len(branches)
        widths = {branch.width for branch in branches}
        literal = all(branch.literal is not None for branch in branches)
        if literal:
            branches.sort(key=lambda branch: -len(branch.literal or ""))  # the longest match wins
        elif not clear and (len(widths) > 1 or None in widths):
            self.ambiguous = True
        return _Piece(
            "|".join(branch.text for branch in branches),
            width=branches[0].width if len(widths) == 1 else None,
            repeated=tuple(each for branch in branches for each in branch.repeated),
            branches=not clear,
        )

    def _branch(self, depth: int) -> _Piece:
        pieces: list[_Piece] = []
        while (token := self._token()) not in ("", "|") and not (token == ")" and depth):
            pieces.append(self._quantified(self._atom(token, depth, pieces)))
        literals = [piece.literal for piece in pieces]
        widths = [piece.width for piece in pieces]
        return _Piece(
            "".join(piece.text for piece in pieces),
            "".join(each or "" for each in literals) if None not in literals else None,
            sum(each or 0 for each in widths) if None not in widths else None,
            next((piece.first for piece in pieces if piece.width != 0), ""),
            frozenset().union(*(piece.required for piece in pieces)),
            tuple(each for piece in pieces for each in piece.repeated),
            any(piece.branches for piece in pieces),
        )

    def _token(self) -> str:
        """What stands next, in the words of extended expressions: `(` for a group, `\\(` for the character."""
        char = self._text[self.position : self.position + 1]
        if char == "\\":
            following = self._text[self.position + 1 : self.position + 2]
            if not following:
                raise NotUnderstood("the pattern ends in a backslash")
            if not self._extended and following in "(){}|+?":
                return following
            return char + following
        if not self._extended and char and char in "(){}|+?":
            return "\\" + char
        return char

    def _advance(self) -> None:
        self.position += 2 if self._text[self.position] == "\\" else 1

    def _atom(self, token: str, depth: int, before: list[_Piece]) -> _Piece:
        start = self.position
        self._advance()
        match token:
            case "(":
                return self._group(depth)
            case "[":
                return self._bracket()
            case ".":
                return _Piece(".", width=1)
            case "^" if self._extended or not before:
                return _Piece("^" if self._lines else r"\A", width=0)
            case "$" if self._extended or self._token() in ("", "|", ")"):
                return _Piece("$" if self._lines else r"\Z", width=0)
            case "*" if not self._extended and (not before or before[-1].text in _STARTS):
                return _literal("*")
            case "+" | "?" | "{" | "*":
                if not self._extended and start == 0 and token in "+?":
                    return _literal(token)
                raise NotUnderstood(f"the pattern {self._text} repeats nothing")
        if len(token) == 2:
            return self._escaped(token[1])
        return _literal(token)

    def _escaped(self, char: str) -> _Piece:
        if char in _ESCAPES:
            return _Piece(_ESCAPES[char], width=0 if char in _WITHOUT_WIDTH else 1)
        if char in "123456789":
            if int(char) > self._groups:
                raise NotUnderstood(f"the pattern {self._text} refers to a group that it does not have")
            return _Piece(f"(?:\\{char})")
        if self._controls and char in _CONTROLS:
            return _literal(_CONTROLS[char])
        if self._controls and char in "cdox":
            raise NotUnderstood(f"the escape \\{char} is not known")
        return _literal(char)

    def _group(self, depth: int) -> _Piece:
        self._groups += 1
        body = self.alternatives(depth + 1)
        if self._token() != ")":
            raise NotUnderstood(f"the pattern {self._text} has a group without an end")
        self._advance()
        return _Piece(f"({body.text})", None, body.width, body.first, body.required, body.repeated, body.branches)

    def _quantified(self, piece: _Piece) -> _Piece:
        while (token := self._token()) in ("*", "+", "?", "{"):
            if token == "*" and not self._extended and piece.text in _STARTS:
                break  # `^*` is a star at the start of the line
            self._advance()
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(token) or self._interval()
            piece = self._repeated(piece, least, most)
        return piece

    def _interval(self) -> tuple[int, int | None]:
        ending = "}" if self._extended else "\\}"
        end = self._text.find(ending, self.position)
        found = re.fullmatch(r"([0-9]{0,4})(,?)([0-9]{0,4})", self._text[self.position : end]) if end > 0 else None
        if not found or not (found[1] or found[2]):
            raise NotUnderstood(f"the pattern {self._text} has a repetition that is not known")
        self.position = end + len(ending)
        least = int(found[1] or 0)
        most = (int(found[3]) if found[3] else None) if found[2] else least
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise NotUnderstood(f"the pattern {self._text} repeats too often")
        return least, most

    def _repeated(self, piece: _Piece, least: int, most: int | None) -> _Piece:
        several = most is None or most > 1
        if several and (piece.branches or (piece.repeated and not _has_separator(piece))):
            raise NotUnderstood(f"the pattern {self._text} could go on for ever")
        if piece.width == 0:
            raise NotUnderstood(f"the pattern {self._text} repeats an anchor")
        counts = f"{{{least},{'' if most is None else most}}}"
        plain = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most), counts)
        single = len(piece.text) == 1 or piece.text.endswith(")") or piece.width == 1
        text = piece.text if single else f"(?:{piece.text})"
        if re.search(r"[*+?}]$", text) and not text.endswith("\\" + text[-1]):
            text = f"(?:{text})"
        exact = piece.width * least if piece.width is not None and least == most else None
        return _Piece(
            text + plain,
            width=exact,
            first=piece.first if least else "",
            required=piece.required if least else frozenset(),
            repeated=(*piece.repeated, *((piece.text,) if several else ())),
            branches=piece.branches,
        )

    def _bracket(self) -> _Piece:
        text = self._text
        negated = text.startswith("^", self.position)
        self.position += negated
        members: list[str] = []
        first = True
        while first or not text.startswith("]", self.position):
            first = False
            member, single = self._member()
            if single and text.startswith("-", self.position) and not text.startswith("-]", self.position):
                self.position += 1
                last, plain = self._member()
                if not plain or last < member:
                    raise NotUnderstood(f"the pattern {text} has a range that is not known")
                members.append(f"{re.escape(member)}-{re.escape(last)}")
            else:
                members.append(_member_text(member) if single else member)
        self.position += 1
        return _Piece(f"[{'^' if negated else ''}{''.join(members)}]", width=1)

    def _member(self) -> tuple[str, bool]:
        """The next member of a bracket: a character, or the text of a class in Python's words."""
        text, start = self._text, self.position
        char = text[start : start + 1]
        if not char:
            raise NotUnderstood(f"the pattern {text} has a bracket without an end")
        following = text[start + 1 : start + 2]
        if char == "[" and following == ":":
            end = text.find(":]", start + 2)
            name = text[start + 2 : end] if end > 0 else ""
            if name not in _CLASSES:
                raise NotUnderstood(f"the pattern {text} has a class that is not known")
            self.position = end + 2
            return _CLASSES[name], False
        if char == "[" and following in (".", "="):
            raise NotUnderstood(f"the pattern {text} has a collating element")
        if char == "\\" and self._controls and following and following in "ntrfv":
            self.position += 2
            return _CONTROLS[following], True
        self.position += 1
        return char, True


def _literal(char: str) -> _Piece:
    return _Piece(re.escape(char), char, 1, char, frozenset(char))


def _member_text(char: str) -> str:
    return char if char.isalnum() else f"\\{char}" if char.isascii() and char.isprintable() else re.escape(char)


def _has_separator(piece: _Piece) -> bool:
    """Whether each round of a repetition has a character that nothing repeated in it can match."""
    return any(
        all(not re.fullmatch(each, char, re.DOTALL | re.ASCII | re.IGNORECASE) for each in piece.repeated)
        for char in piece.required
    )

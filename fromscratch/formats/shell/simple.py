"""Simple commands: assignments, words, redirections with here-documents, and `[[ … ]]` of bash (XCU 2.7, 2.9.1)."""

from typing import Literal, cast

from msgspec import Struct
from msgspec.structs import force_setattr

from fromscratch.formats.shell.syntax import (
    Arithmetic,
    Assignment,
    Parameter,
    Part,
    Redirection,
    Simple,
    Substitution,
    Text,
    Word,
)
from fromscratch.formats.shell.words import REGULAR_EXPRESSION, Words
from fromscratch.lazy_regex import lazy_regex

Operator = Literal["<", ">", ">>", ">|", "<>", "<&", ">&", "<<"]
_REDIRECTION = lazy_regex(r"([0-9]*)(<<<|<<-|<<|<&|<>|<(?!\()|>>|>&|>\||>(?!\())")
_BOTH = lazy_regex(r"&(>>?)")  # of bash: standard output and error
_PROCESS = lazy_regex(r"[<>]\(")
_ASSIGNMENT = lazy_regex(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_ELEMENT = lazy_regex(r"[A-Za-z_][A-Za-z0-9_]*\[[^\]\n]*\]\+?=")
_QUOTES_IN_DELIMITER = lazy_regex(r"[\\'\"]")
_TEST_OPERATOR = lazy_regex(r"&&|\|\||[()<>]")
_DESCRIPTOR = lazy_regex(r"[0-9]+-?|-")
_DEFAULT = {"<": 0, ">": 1}


class _Awaited(Struct):
    """A here-document whose body begins on the next line."""

    redirection: Redirection
    delimiter: str
    quoted: bool
    without_tabs: bool


class SimpleCommands(Words):
    """A reader of simple commands."""

    def __init__(self, text: str, first_line: int = 1, depth: int = 0, *, bash: bool = False) -> None:
        super().__init__(text, first_line, depth, bash=bash)
        self.awaited: list[_Awaited] = []

    def newline(self) -> bool:
        """Go behind the end of a line, and behind the here-documents that it announced."""
        found = self.accept("\n")
        if found:
            documents, self.awaited = self.awaited, []
            for document in documents:
                self._body(document)
        return found

    def redirections(self) -> tuple[Redirection, ...]:
        """Those that come next, such as behind `done`."""
        found: list[Redirection] = []
        self.blanks()
        while self.redirection(found):
            self.blanks()
        return tuple(found)

    def redirection(self, found: list[Redirection]) -> bool:
        """Read one if it comes next."""
        self.char()
        if self.bash and (both := _BOTH.match(self.text, self.position)):
            self.position = both.end()
            found += [Redirection(1, cast(Operator, both[1]), self._target()), _error_to_output()]
            return True
        operator = _REDIRECTION.match(self.text, self.position)
        if operator is None:
            return False
        self.position = operator.end()
        descriptor = int(operator[1][-4:]) if operator[1] else _DEFAULT[operator[2][0]]
        if operator[2] in ("<<", "<<-"):
            found.append(self._here_document(descriptor, operator[2] == "<<-"))
        elif operator[2] == "<<<":
            text = (*map(_in_quotes, self._target().parts), Text("\n", True))
            found.append(Redirection(descriptor, "<<", Word(text)))
        else:
            target = self._target()
            if operator[2] == ">&" and not operator[1] and not _is_descriptor(target):
                found += [Redirection(1, ">", target), _error_to_output()]
            else:
                found.append(Redirection(descriptor, cast(Operator, operator[2]), target))
        return True

    def simple(self) -> Simple:
        """The simple command that begins here, which may be empty."""
        start, line = self.position, self.line
        assignments: list[Assignment] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        while self._more(assignments, words, redirections):
            if len(words) == 1 and words[0] == Word((Text("[["),)):
                self._test(words, line)
            end = self.position
            self.blanks()
        text = self.text[start:end].strip() if assignments or words or redirections else ""
        return Simple(line, text, tuple(assignments), tuple(words), tuple(redirections))

    def _more(self, assignments: list[Assignment], words: list[Word], redirections: list[Redirection]) -> bool:
        """Read one more piece of a simple command; False at its end."""
        char = self.char()
        if not char or self.redirection(redirections):
            return bool(char)
        if _PROCESS.match(self.text, self.position):
            self.unknown("a substitution of processes of bash")
            self.position += 1
            self.skip_parentheses()
        elif char in "\n;&|()":
            return False
        elif not words and (element := _ELEMENT.match(self.text, self.position)):
            self.unknown("an array of bash")
            self.position = element.end()
            self.word()
        elif not words and (name := _ASSIGNMENT.match(self.text, self.position)):
            self.position = name.end()
            if self.char() == "(":
                self.unknown("an array of bash")
                self.skip_parentheses()
            assignments.append(Assignment(name[1], self.word(), bool(name[2])))
        else:
            words.append(self.word())
        return True

    def _target(self) -> Word:
        self.blanks()
        word = self.word()
        if not word.parts:
            if not _PROCESS.match(self.text, self.position):
                raise self.unexpected()
            self.unknown("a substitution of processes of bash")
            self.position += 1
            self.skip_parentheses()
        return word

    def _here_document(self, descriptor: int, without_tabs: bool) -> Redirection:
        self.blanks()
        start = self.position
        delimiter = self._target()
        quoted = _QUOTES_IN_DELIMITER.search(self.text, start, self.position) is not None
        text = delimiter.literal
        found = Redirection(descriptor, "<<", Word(()))
        self.awaited.append(
            _Awaited(found, self.text[start : self.position] if text is None else text, quoted, without_tabs)
        )
        return found

    def _body(self, document: _Awaited) -> None:
        """Read the body of a here-document into its redirection, which was made before the body was seen."""
        line, rows = self.line, list[str]()
        while self.position < len(self.text):
            end = self.text.find("\n", self.position)
            end = len(self.text) if end < 0 else end
            row = self.text[self.position : end]
            self.position = min(end + 1, len(self.text))
            row = row.lstrip("\t") if document.without_tabs else row
            if row == document.delimiter:
                break
            rows.append(row + "\n")
        text = "".join(rows)
        target = Word((Text(text, True),)) if document.quoted else self.document(text, line)
        force_setattr(document.redirection, "target", target)

    def _test(self, words: list[Word], line: int) -> None:
        """Read `[[ … ]]` into words: its operators are words of their own."""
        while True:
            self.blanks()
            char = self.char()
            if char == "\n":
                self.position += 1
            elif operator := _TEST_OPERATOR.match(self.text, self.position):
                self.position = operator.end()
                words.append(Word((Text(operator[0]),)))
            elif not char or char in ";&|":
                raise self.failed(f"[[ in line {line} has no ]]")
            else:
                is_pattern = words[-1] == Word((Text("=~"),))
                words.append(self.word(REGULAR_EXPRESSION) if is_pattern else self.word())
                if words[-1] == Word((Text("]]"),)):
                    return


def _error_to_output() -> Redirection:
    return Redirection(2, ">&", Word((Text("1"),)))


def _is_descriptor(target: Word) -> bool:
    text = target.literal
    return text is None or _DESCRIPTOR.fullmatch(text) is not None


def _in_quotes(part: Part) -> Part:
    match part:
        case Text(text=text):
            return Text(text, True)
        case Parameter(name=name, operator=operator, argument=argument):
            return Parameter(name, operator, argument, True)
        case Substitution(body=body):
            return Substitution(body, True)
        case Arithmetic(expression=expression):
            return Arithmetic(expression, True)

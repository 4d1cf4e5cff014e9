"""The programs that a shell script calls and the files that it reads, out of its syntax tree (XCU 2.9).

Names are followed through variables as far as they can be known. A script in a form that the parser refuses is read by
`shell.commands` instead, which looks at the first words of lines.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from fromscratch.errors import FormatError
from fromscratch.formats.shell import parser, syntax
from fromscratch.formats.shell.syntax import Case, Command, For, Function, Group, If, Loop, Simple, Unknown, Word
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.scripts.shell import MAX_SCRIPT, commands, is_built_in
from fromscratch.linker.beyond.scripts.values import Values
from fromscratch.paths import decode

Role = Literal["command", "source", "argument"]
_MAX_DEPTH = 8  # of texts within texts, and of files that source others
_MAX_CALLS = 2000

_TESTS = frozenset({"-x", "-f", "-e", "-r", "-s", "-L", "-h"})
_TESTERS = frozenset({"[", "[[", "test"})
_ASKS = frozenset({"type", "which", "hash", "whence"})
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh"})
_NAME = lazy_regex(r"[A-Za-z0-9_][\w.+-]*|\[")
_WILDCARD = lazy_regex(r"[*?\[]")
_ASSIGNMENT = lazy_regex(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
# Commands whose first operand is a command: the options of each that take a word of their own.
_STARTERS = {
    "exec": ("-a",),
    "command": (),
    "builtin": (),
    "eval": (),
    "time": ("-f", "-o"),
    "nohup": (),
    "setsid": (),
    "env": ("-u", "-C", "-S", "--unset", "--chdir"),
    "nice": ("-n",),
    "ionice": ("-c", "-n"),
    "stdbuf": ("-i", "-o", "-e"),
    "xargs": ("-I", "-n", "-P", "-d", "-L", "-a", "-E", "-s"),
}


class Call(NamedTuple):
    """A name that a script uses: as a command, as a file that it sources, or as an absolute path among the arguments of
    a command, whose name is `by`.

    `certain` is False for what stands in a branch, a loop or a function; `tested` is True where the script looks
    whether it is there. `replaces` is True where the command takes the place of the shell (`exec`).
    """

    word: str
    role: Role
    certain: bool
    tested: bool
    replaces: bool
    by: str = ""


class Files(NamedTuple):
    """The files that a script can see: their bytes, where symlinks lead, and what a pattern matches."""

    read: Callable[[str], bytes | None]
    resolve: Callable[[str], str]
    matching: Callable[[str], Sequence[str]]


class Calls(NamedTuple):
    """All of a script, each once; `folders` are those that it puts into PATH."""

    calls: tuple[Call, ...]
    folders: tuple[str, ...]


def calls(script: bytes, path: str, files: Files) -> Calls:
    """What the script at `path` calls, and what the files call that it sources."""
    text = decode(script[:MAX_SCRIPT])
    reader = _Reader(Values(path, files.resolve), files)
    reader.text(text, certain=True, depth=0)
    found: dict[tuple[str, Role], Call] = {}
    for call in reader.found:
        known = call._replace(tested=call.word in reader.tested)
        earlier = found.get((call.word, call.role))
        if earlier is None or (known.certain and not earlier.certain):
            found[call.word, call.role] = known
    return Calls(tuple(found.values()), tuple(reader.values.folders))


class _Reader:
    def __init__(self, values: Values, files: Files) -> None:
        self.values, self._files = values, files
        self.found: list[Call] = []
        self.tested: set[str] = set()
        self._functions: set[str] = set()
        self._sourced: set[str] = set()
        self._depth = self._nested = 0

    def text(self, text: str, *, certain: bool, depth: int) -> None:
        """A script, or a text that a shell is told to run."""
        if depth > _MAX_DEPTH:
            return
        before, self._depth = self._depth, depth
        try:
            self._sequence(parser.parse(text), certain)
        except FormatError:
            self._plainly(text)
        self._depth = before

    def _plainly(self, text: str) -> None:
        for word in commands(text.encode("utf-8", "surrogateescape")):
            self._add(word, "command", certain=False)

    def _add(self, word: str, role: Role, *, certain: bool, replaces: bool = False, by: str = "") -> None:
        if len(self.found) < _MAX_CALLS:
            self.found.append(Call(word, role, certain, False, replaces, by))

    def _sequence(self, body: syntax.Sequence, certain: bool) -> None:
        self._functions |= _defined(body)
        for item in body.items:
            for number, pipeline in enumerate((item.first, *(pipeline for _, pipeline in item.rest))):
                for command in pipeline.commands:
                    self._command(command, certain and number == 0)

    def _command(self, command: Command, certain: bool) -> None:
        match command:
            case Simple():
                self._simple(command, certain)
            case Group(body=body):
                self._sequence(body, certain)
            case If(branches=branches, final=final):
                for number, (condition, body) in enumerate(branches):
                    self._sequence(condition, certain and number == 0)
                    self._sequence(body, False)
                if final is not None:
                    self._sequence(final, False)
            case For(name=name, words=words, body=body):
                for word in words or ():
                    self._within(word, certain)
                    self.values.assign(name, self._expanded(word))
                self._sequence(body, False)
            case Case(subject=subject, branches=branches):
                self._within(subject, certain)
                for _, body, _ in branches:
                    self._sequence(body, False)
            case Loop(condition=condition, body=body):
                self._sequence(condition, certain)
                self._sequence(body, False)
            case Function(body=inner):
                self._command(inner, False)
            case Unknown(text=text):
                self._plainly(text)

    def _expanded(self, word: Word) -> list[str]:
        """The fields of a word, with the paths that a pattern among them matches."""
        return [path for field in self.values.fields(word) for path in (self._matches(field) or (field,))]

    def _matches(self, pattern: str) -> Sequence[str]:
        return self._files.matching(pattern) if pattern.startswith("/") and _WILDCARD.search(pattern) else ()

    def _within(self, word: Word, certain: bool) -> None:
        """The commands in substitutions of a word."""
        for part in word.parts:
            match part:
                case syntax.Substitution(body=body):
                    self._sequence(body, certain)
                case syntax.Parameter(argument=Word() as argument):
                    self._within(argument, False)
                    self.values.of(word)  # `${name:=…}` assigns
                case syntax.Arithmetic(expression=expression):
                    self._within(expression, certain)

    def _simple(self, command: Simple, certain: bool) -> None:
        for assignment in command.assignments:
            self._within(assignment.value, certain)
        for word in (*command.words, *(each.target for each in command.redirections)):
            self._within(word, certain)
        self.values.assign_all(command)
        if command.words:
            self._words(command.words, certain, replaces=False)

    def _words(self, words: Sequence[Word], certain: bool, *, replaces: bool) -> None:
        names = self.values.fields(words[0])
        rest = words[1:]
        if rest and self.values.may_vanish(words[0]) and self._nested < _MAX_DEPTH:
            self._nested += 1
            self._words(rest, certain, replaces=replaces)
            self._nested -= 1
        for name in names:
            base = name.rpartition("/")[2]
            if name in _TESTERS:
                self._test(rest)
            elif base in _ASKS or (name == "command" and rest and (rest[0].literal or "").startswith(("-v", "-V"))):
                self.tested.update(value for word in rest for value in self.values.of(word))
            elif name in (".", "source") and rest:
                self._source(rest[0], certain)
            elif name == "trap" and rest and (text := rest[0].literal) is not None:
                self.text(text, certain=False, depth=self._depth + 1)
            elif base in _STARTERS:
                self._start(name, rest, certain, replaces=replaces or name == "exec")
                if not is_built_in(name):
                    self._add(name, "command", certain=certain)
            elif name not in self._functions and not is_built_in(name) and ("/" in name or _NAME.fullmatch(name)):
                self._add(name, "command", certain=certain, replaces=replaces)
                self._arguments(base, rest, certain, replaces=replaces)

    def _start(self, name: str, words: Sequence[Word], certain: bool, *, replaces: bool) -> None:
        """The command among the words of one that starts others."""
        position, with_value = 0, _STARTERS[name.rpartition("/")[2]]
        while position < len(words):
            text = words[position].literal
            if text is not None and text.startswith("-"):
                position += 2 if text in with_value else 1
            elif name.endswith("env") and _is_assignment(words[position]):
                position += 1
            else:
                break
        if position < len(words) and self._nested < _MAX_DEPTH:
            self._nested += 1
            self._words(words[position:], certain, replaces=replaces)
            self._nested -= 1

    def _arguments(self, base: str, words: Sequence[Word], certain: bool, *, replaces: bool) -> None:
        """The absolute paths among a command's words, and the text that a shell is given to run."""
        texts = [word.literal for word in words]
        if base in _SHELLS and "-c" in texts:
            at = texts.index("-c") + 1
            self.text(next(iter(texts[at:]), None) or "", certain=certain, depth=self._depth + 1)
            words = words[at + 1 :]
        for word in words:
            for value in self.values.of(word):
                if value.startswith("/"):
                    self._add(value, "argument", certain=certain, replaces=replaces, by=base)

    def _test(self, words: Sequence[Word]) -> None:
        for operator, operand in pairwise(words):
            if operator.literal in _TESTS:
                self.tested.update(self.values.of(operand))

    def _source(self, word: Word, certain: bool) -> None:
        for path in self._expanded(word):
            self._add(path, "source", certain=certain)
            raw = self._files.read(path) if path.startswith("/") and path not in self._sourced else None
            self._sourced.add(path)
            if raw is not None:
                self.text(decode(raw[:MAX_SCRIPT]), certain=certain, depth=self._depth + 1)


def _defined(body: syntax.Sequence) -> set[str]:
    """The functions that a list defines, those behind it included: they may be called from functions before them."""
    return {command.name for command in _flat(body) if isinstance(command, Function)}


def _flat(body: syntax.Sequence) -> Iterator[Command]:
    for item in body.items:
        for pipeline in (item.first, *(pipeline for _, pipeline in item.rest)):
            yield from pipeline.commands


def _is_assignment(word: Word) -> bool:
    first = word.parts[0] if word.parts else None
    return isinstance(first, syntax.Text) and _ASSIGNMENT.match(first.text) is not None

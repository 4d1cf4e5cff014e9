"""What words of a shell script may stand for, as far as literals, `$0` and simple substitutions say it (XCU 2.6).

A variable has every value that is assigned to it anywhere above, since which branch is taken is not known. A word that
depends on anything else, such as the environment or what a program prints, has no value here.
"""

import posixpath
from collections.abc import Callable, Iterable

from fromscratch.formats.shell.syntax import (
    AndOr,
    Assignment,
    Parameter,
    Part,
    Sequence,
    Simple,
    Substitution,
    Text,
    Word,
)
from fromscratch.lazy_regex import lazy_regex

_MAX_VALUES = 16
_MAX_LENGTH = 4096
_DECLARED = lazy_regex(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_WILDCARD = lazy_regex(r"[*?\[]")
DECLARING = frozenset({"export", "local", "readonly", "declare", "typeset"})


class Values:
    """The variables of a script. `path` is `$0`, and `resolve` follows the symlinks of a path, as readlink -f does."""

    def __init__(self, path: str, resolve: Callable[[str], str]) -> None:
        self._known: dict[str, tuple[str, ...]] = {"0": (path,)}
        self._resolve = resolve
        self.folders: dict[str, None] = {}  # that are put into PATH, whose own value is not known

    def assign(self, name: str, values: Iterable[str], *, appended: bool = False) -> None:
        """One more assignment to a variable, of a word with these values."""
        before = self._known.get(name, ())
        more = [first + rest for first in before for rest in values] if appended else values
        self._known[name] = _few((*before, *more))

    def assign_all(self, command: Simple) -> None:
        """The assignments of a simple command, and those that are words of `export` and its like."""
        for each in command.assignments:
            self._assignment(each)
        if command.words and command.words[0].literal in DECLARING:
            for word in command.words[1:]:
                first, *rest = word.parts or (Text(""),)
                if isinstance(first, Text) and (found := _DECLARED.match(first.text)):
                    value = Word((Text(first.text[found.end() :], first.quoted), *rest))
                    self._assignment(Assignment(found[1], value, bool(found[2])))

    def _assignment(self, each: Assignment) -> None:
        if each.name == "PATH":
            texts = (text for part in each.value.parts for text in self.of(Word((part,))))
            self.folders.update((folder, None) for text in texts for folder in text.split(":") if folder[:1] == "/")
            return
        self.assign(each.name, self.of(each.value), appended=each.appended)

    def variable(self, name: str) -> tuple[str, ...]:
        """The values of a variable; none if they are not known."""
        return self._known.get(name, ())

    def of(self, word: Word) -> tuple[str, ...]:
        """The texts that a word may expand to, without splitting it; none if that is not known."""
        found: tuple[str, ...] = ("",)
        for part in word.parts:
            values = self._part(part)
            found = _few(before + value for before in found for value in values)
            if not found:
                return ()
        return found

    def fields(self, word: Word) -> tuple[str, ...]:
        """What a word is after it was split, which happens to what is not quoted (XCU 2.6.5)."""
        found = self.of(word)
        if all(isinstance(part, Text) or part.quoted for part in word.parts):
            return found
        return _few(field for value in found for field in value.split())

    def may_vanish(self, word: Word) -> bool:
        """Whether it may be no word at all, so that the one behind it comes in its place."""
        return bool(word.parts) and not any(part.quoted for part in word.parts) and "" in self.of(word)

    def _part(self, part: Part) -> tuple[str, ...]:
        match part:
            case Text(text=text):
                return (text,)
            case Parameter():
                return self._parameter(part)
            case Substitution(body=body):
                return self._printed(body)
            case _:
                return ()

    def _parameter(self, part: Parameter) -> tuple[str, ...]:
        known, argument = self.variable(part.name), part.argument or Word(())
        match part.operator:
            case "":
                return known
            case ":-" | "-":
                return _few((*filter(None, known), *self.of(argument)))
            case ":=" | "=":
                self.assign(part.name, self.of(argument))
                return self.variable(part.name)
            case ":?" | "?":
                return known
            case ":+" | "+":
                return _few(("", *self.of(argument)))
            case "%" | "%%" | "#" | "##":
                return _few(_cut(value, part.operator, argument.literal) for value in known)
            case _:
                return ()

    def _printed(self, body: Sequence) -> tuple[str, ...]:
        """What a substitution of one command prints: a part of a path, or a name that is looked for."""
        if len(body.items) != 1:
            return self._folder_after(body.items)
        item = body.items[0]
        if item.rest:
            return self._folder_after((AndOr(item.first), *(AndOr(pipeline) for _, pipeline in item.rest)))
        command = _only(item)
        return self._printed_by(command) if command is not None else ()

    def _folder_after(self, items: tuple[AndOr, ...]) -> tuple[str, ...]:
        """What `cd DIR && pwd` prints."""
        commands = [_only(item) for item in items]
        if len(commands) != 2 or any(command is None or not command.words for command in commands):
            return ()
        first, second = (command.words for command in commands if command is not None)
        if first[0].literal != "cd" or second[0].literal != "pwd":
            return ()
        resolved = any(word.literal == "-P" for word in (*first, *second))
        folders = self._last(first[1:])
        return tuple(self._resolve(folder) if resolved else posixpath.normpath(folder) for folder in folders)

    def _printed_by(self, command: Simple) -> tuple[str, ...]:
        name = command.words[0].literal if command.words else None
        rest = command.words[1:]
        match (name or "").rpartition("/")[2]:
            case "dirname":
                return tuple(posixpath.dirname(value) or "." for value in self._last(rest))
            case "basename" if len(rest) == 1:
                return tuple(posixpath.basename(value) for value in self._last(rest))
            case "readlink" if any((word.literal or "").startswith("-") for word in rest):
                return tuple(map(self._resolve, self._last(rest)))
            case "realpath":
                return tuple(map(self._resolve, self._last(rest)))
            case "echo" if len(rest) == 1:
                return self.of(rest[0])
            case "command" | "which" | "type":
                return self._last(rest)
            case _:
                return ()

    def _last(self, words: tuple[Word, ...]) -> tuple[str, ...]:
        """The values of the one operand among these words, behind the options."""
        operands = [word for word in words if not (word.literal or "").startswith("-")]
        return self.of(operands[0]) if len(operands) == 1 else ()


def _few(values: Iterable[str]) -> tuple[str, ...]:
    """The values, each once: none of them if they are many, since then none is likely."""
    found = dict.fromkeys(value for value in values if len(value) <= _MAX_LENGTH)
    return tuple(found) if len(found) <= _MAX_VALUES else ()


def _only(item: AndOr) -> Simple | None:
    """The simple command that is all of this list."""
    command = item.first.commands[0]
    alone = not item.rest and len(item.first.commands) == 1
    return command if alone and isinstance(command, Simple) else None


def _cut(value: str, operator: str, pattern: str | None) -> str:
    """`${name%/*}` and its like (XCU 2.6.2), for patterns that are a literal or one about a slash."""
    if pattern in ("/*", "*/"):
        parts = value.split("/")
        if len(parts) < 2 or (operator[0] == "%") != (pattern == "/*"):
            return value
        match operator:
            case "%":
                return "/".join(parts[:-1])
            case "%%":
                return parts[0]
            case "#":
                return "/".join(parts[1:])
            case _:
                return parts[-1]
    if pattern is None or _WILDCARD.search(pattern):
        return value
    return value.removesuffix(pattern) if operator[0] == "%" else value.removeprefix(pattern)

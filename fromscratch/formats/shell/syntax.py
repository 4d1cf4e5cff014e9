"""The syntax tree of a shell script: POSIX.1-2024, XCU 2.2 to 2.10, and the forms of bash that scripts of packages use.

A script is a `Sequence` of and-or lists of pipelines of commands. Words are kept in parts, as written, since what they
mean is known only when they are expanded.
"""

from typing import Literal, Union

from msgspec import Struct


class Text(Struct, frozen=True):
    """Text that stands for itself; `quoted` text is neither split nor a pattern."""

    text: str
    quoted: bool = False


class Parameter(Struct, frozen=True):
    """`$name` or `${name…}`: XCU 2.6.2.

    `name` is a variable, a number, or one of `@*#?-$!`. `operator` is what follows it in the braces: empty, `length`
    for `${#name}`, one of `:- - := = :? ? :+ + # ## % %%`, or of bash `/ // : ^ ^^ , ,,`, `@`, `!` for `${!name…}` and
    `[` for `${name[…]}`; `bad` is what no shell knows. `argument` is the word after it.
    """

    name: str
    operator: str = ""
    argument: Union["Word", None] = None
    quoted: bool = False


class Substitution(Struct, frozen=True):
    """`$(…)` or backquotes: XCU 2.6.3."""

    body: "Sequence"
    quoted: bool = False


class Arithmetic(Struct, frozen=True):
    """`$((…))`: XCU 2.6.4. `expression` is expanded before it is read."""

    expression: "Word"
    quoted: bool = False


Part = Text | Parameter | Substitution | Arithmetic


class Word(Struct, frozen=True):
    """One word, in parts; no parts at all is the empty word of `""` only where a quoted empty literal says so."""

    parts: tuple[Part, ...]

    @property
    def literal(self) -> str | None:
        """Its text if nothing in it is expanded but quotes; None otherwise."""
        if all(isinstance(part, Text) for part in self.parts):
            return "".join(part.text for part in self.parts if isinstance(part, Text))
        return None


class Redirection(Struct, frozen=True):
    """`target` is a file, a descriptor's number or `-`, or for `<<` the text of the here-document."""

    descriptor: int
    operator: Literal["<", ">", ">>", ">|", "<>", "<&", ">&", "<<"]
    target: Word


class Assignment(Struct, frozen=True):
    """`name=value`; `appended` for `name+=value` of bash."""

    name: str
    value: Word
    appended: bool = False


class Simple(Struct, frozen=True):
    """A simple command: XCU 2.9.1. `text` is how the script has it, for messages."""

    line: int
    text: str
    assignments: tuple[Assignment, ...] = ()
    words: tuple[Word, ...] = ()
    redirections: tuple[Redirection, ...] = ()


class Group(Struct, frozen=True):
    """`{ …; }`, or `( … )` in a subshell."""

    line: int
    body: "Sequence"
    subshell: bool = False
    redirections: tuple[Redirection, ...] = ()


class If(Struct, frozen=True):
    """`branches` are conditions with what follows `then`; `final` follows `else`."""

    line: int
    branches: tuple[tuple["Sequence", "Sequence"], ...]
    final: Union["Sequence", None] = None
    redirections: tuple[Redirection, ...] = ()


class For(Struct, frozen=True):
    """`words` is None for `for name do`, which goes through the positional parameters."""

    line: int
    name: str
    words: tuple[Word, ...] | None
    body: "Sequence"
    redirections: tuple[Redirection, ...] = ()


class Case(Struct, frozen=True):
    """`branches` are patterns with what they lead to, and how the branch ends: `;;`, or `;&` which falls through."""

    line: int
    subject: Word
    branches: tuple[tuple[tuple[Word, ...], "Sequence", str], ...]
    redirections: tuple[Redirection, ...] = ()


class Loop(Struct, frozen=True):
    """`while`, or `until`."""

    line: int
    condition: "Sequence"
    body: "Sequence"
    until: bool = False
    redirections: tuple[Redirection, ...] = ()


class Function(Struct, frozen=True):
    """`name() …`: defining it, not calling it."""

    line: int
    name: str
    body: "Command"


class Unknown(Struct, frozen=True):
    """A command in a form that this reader does not know, such as an array of bash: where it stands, and why."""

    line: int
    text: str
    why: str


Command = Simple | Group | If | For | Case | Loop | Function | Unknown


class Pipeline(Struct, frozen=True):
    """`a | b`; `negated` for `! a | b`."""

    commands: tuple[Command, ...]
    negated: bool = False


class AndOr(Struct, frozen=True):
    """`first`, and what follows it after `&&` or `||`; `background` when it ends in `&`."""

    first: Pipeline
    rest: tuple[tuple[Literal["&&", "||"], Pipeline], ...] = ()
    background: bool = False


class Sequence(Struct, frozen=True):
    """Commands one after the other."""

    items: tuple[AndOr, ...] = ()

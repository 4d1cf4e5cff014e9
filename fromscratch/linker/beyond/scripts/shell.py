"""The commands that a shell script seems to call, read from its text: POSIX.1, Shell Command Language, 2.3 and 2.9.

This is not a shell. It reads what is plainly written, and may take a line of a here-document for a command, so whoever
asks keeps only the names of programs that are there.
"""

import re
from collections.abc import Iterator
from typing import Literal

from fromscratch.lazy_regex import lazy_regex

MAX_SCRIPT = 1 << 20
_TOKEN = lazy_regex(
    r"""
    (?P<comment>(?<![^\s;&|()])\#[^\n]*)
    | (?P<here><<-?\s*(?P<quote>["'\\]?)(?P<end>\w+)["']?)
    | (?P<redirect>\d*(?:<&|>&|<>|>>|>\||<<<|&>|[<>])\s*)
    | (?P<operator>\$\(\(?|[;&|\n()`]+|\{(?=\s)|\}(?=[\s;]))
    | (?P<single>'[^']*')
    | (?P<double>"(?:\\.|[^"\\])*")
    | (?P<blank>(?:[ \t\r]|\\\n)+)
    | (?P<word>(?:\\.|\$\{[^}\n]{0,200}\}|[^\s;&|()<>'"`\\])+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_AGAIN = lazy_regex("if|then|else|elif|do|while|until|!|time|exec|command|nohup|nice|builtin")
_BUILT_IN = lazy_regex(
    r"[.:{}!]|\[\[?|\]\]|alias|bg|break|builtin|case|cd|command|continue|declare|dirs|do|done|echo|elif|else|esac|eval|exec"
    r"|exit|export|false|fc|fg|fi|for|function|getopts|hash|help|history|if|in|jobs|kill|let|local|logout|mapfile|popd"
    r"|printf|pushd|pwd|read|readarray|readonly|return|select|set|shift|shopt|source|suspend|test|then|times?|trap|true"
    r"|type|typeset|ulimit|umask|unalias|unset|until|wait|while"
)
_Case = Literal["subject", "patterns", "commands"]
_ASSIGNMENT = lazy_regex(r"\w+\+?=")
_NAME = lazy_regex(r"[\w.][\w.+-]*|[!:\[]")
_SUBSTITUTION = lazy_regex(r"\$\(([^()]*)\)|`([^`]*)`")


def commands(script: bytes) -> list[str]:
    """The plain names of commands that are no shell built-ins, each once, in the order of the text."""
    found: dict[str, None] = {}
    pending = [script[:MAX_SCRIPT].decode("utf-8", "replace")]
    while pending:
        inner: list[str] = []
        found.update(dict.fromkeys(_commands(pending.pop(), inner)))
        pending += inner
    return [name for name in found if not is_built_in(name)]


def is_built_in(word: str) -> bool:
    """Whether a shell answers to this word itself."""
    return _BUILT_IN.fullmatch(word) is not None


def _commands(text: str, inner: list[str]) -> Iterator[str]:
    """The first words of the simple commands; `inner` gets what stands in substitutions within quotes."""
    position, first, joined, target = 0, True, False, False
    cases: list[_Case] = []
    bodies: list[str] = []  # the ends of the here-documents that begin on the next line
    while position < len(text) and (token := _TOKEN.match(text, position)):
        position = token.end()
        kind, value = token.lastgroup, token[0]
        if token["here"]:
            bodies.append(token["end"])
            continue
        if kind == "double":
            inner += [one or other for one, other in _SUBSTITUTION.findall(value)]
        if kind == "operator":
            first, joined, target = True, False, False
            if cases:
                cases[-1] = _behind_operator(cases[-1], value)
            if "\n" in value and bodies:
                position, bodies = _behind(text, token.start() + value.index("\n"), bodies), []
        elif kind == "redirect":
            target, joined = True, False
        elif kind in ("blank", "comment"):
            joined = False
        else:
            plain = kind == "word" and not joined and not text[position : position + 1].strip(" \t\r\n;&|()<>`")
            if plain and _within_case(cases, value, first):
                first = False
            if first and not target and not joined and not (kind == "word" and _ASSIGNMENT.match(value)):
                first = plain and _AGAIN.fullmatch(value) is not None
                if plain and _NAME.fullmatch(value):
                    yield value
            joined, target = True, False


def _within_case(cases: list[_Case], word: str, first: bool) -> bool:
    """Whether the word is a pattern of a `case`, or one of its own words."""
    state = cases[-1] if cases else "commands"
    if state == "subject" and word == "in":
        cases[-1] = "patterns"
    elif word == "esac" and first and cases:
        cases.pop()
    elif word == "case" and first and state == "commands":
        cases.append("subject")
    else:
        return state == "patterns"
    return True


def _behind_operator(state: _Case, operator: str) -> _Case:
    """Patterns end with a parenthesis, and the commands behind them with two semicolons, or one and an ampersand."""
    if state == "patterns" and ")" in operator:
        state, operator = "commands", operator.partition(")")[2]
    return "patterns" if state == "commands" and (";;" in operator or ";&" in operator) else state


def _behind(text: str, newline: int, ends: list[str]) -> int:
    """Where the text goes on behind the here-documents that begin after this end of a line."""
    waiting = list(reversed(ends))
    position = newline
    while waiting and 0 <= position < len(text):
        start = position + 1
        position = text.find("\n", start)
        if text[start : position if position >= 0 else None].lstrip("\t") == waiting[-1]:
            waiting.pop()
    return position if position >= 0 and not waiting else len(text)

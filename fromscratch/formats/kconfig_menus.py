"""What the menus of Kconfig (Config.in files) say about a symbol: enough to tell why it was not taken.

The language is that of Documentation/kbuild/kconfig-language.rst. Read are symbols with their
prompts, dependencies, selections and choices; defaults, ranges and help are passed over.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fromscratch.formats.kconfig import NOT_SET, Setting, Value, is_set

_PROMPT = re.compile(r'(?:bool|tristate|string|int|hex|prompt)\s+["\']')
_SHOWN_TERMS = 4


@dataclass(frozen=True, slots=True)
class Term:
    """An expression: `operator` is one of name, string, not, and, or, = or !=."""

    operator: str
    operands: tuple["Term", ...] = ()
    text: str = ""

    def __str__(self) -> str:
        match self.operator:
            case "name":
                return self.text
            case "string":
                return f'"{self.text}"'
            case "not":
                return f"!{_bracketed(self.operands[0])}"
            case "and" | "or":
                sign = " && " if self.operator == "and" else " || "
                return sign.join(
                    _bracketed(operand) if operand.operator == "or" else str(operand) for operand in self.operands
                )
            case _:
                return f"{self.operands[0]} {self.operator} {self.operands[1]}"


@dataclass(slots=True)
class Definition:
    """One place where a symbol is defined. All of `depends` must hold for its prompt to be seen."""

    where: str
    depends: list[Term]
    choice: int | None
    prompt: bool = False


@dataclass(slots=True)
class Menus:
    """All symbols that were read: their definitions, who selects them, and the members of each choice."""

    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    selected_by: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[int, list[str]] = field(default_factory=dict)


def read(top: str, read_file: Callable[[str], str | None], variables: Mapping[str, str]) -> Menus:
    """Every symbol that `top` and the files it sources define.

    `read_file` answers a path as it is written (variables replaced) with its text, or None if it is
    not there; such a file is passed over, as is what cannot be understood.
    """
    menus = Menus()
    _Reader(menus, read_file, variables).file(top, [])
    return menus


def explain(setting: Setting, menus: Menus, config: Mapping[str, Value]) -> str:
    """Why Kconfig did not take a setting, in one phrase."""
    definitions = menus.definitions.get(setting.name)
    if not definitions:
        near = difflib.get_close_matches(setting.name, menus.definitions, n=1, cutoff=0.75)
        return "there is no such symbol" + (f"; did you mean {near[0]}?" if near else " in this version")
    if setting.value == NOT_SET:
        on = [name for name in menus.selected_by.get(setting.name, ()) if is_set(config, name)]
        return f"it is selected by {' and '.join(on[:_SHOWN_TERMS])}" if on else "something else needs it"
    if rival := taken_choice(setting, menus, config):
        return f"of that choice, {rival} was taken"
    best = min(definitions, key=lambda one: len(_unmet_all(one, config)))
    if unmet := _unmet_all(best, config):
        return f"it needs {_phrase(unmet, config)} ({best.where})"
    if not any(one.prompt for one in definitions):
        by = menus.selected_by.get(setting.name, [])
        return "it cannot be set by hand" + (f"; turn on what selects it, such as {by[0]}" if by else "")
    return f"its value became {config.get(setting.name, 'empty')}"


def taken_choice(setting: Setting, menus: Menus, config: Mapping[str, Value]) -> str | None:
    """The member of the same choice that is on instead of this one."""
    for definition in menus.definitions.get(setting.name, ()):
        if definition.choice is not None and not _unmet_all(definition, config):
            members = menus.choices[definition.choice]
            return next((name for name in members if name != setting.name and is_set(config, name)), None)
    return None


def parse_expression(text: str) -> Term:
    """The term of a `depends on`. Raises ValueError for what is no expression."""
    tokens = re.findall(r'"[^"]*"|\'[^\']*\'|&&|\|\||!=|[()!=]|[^\s()!=&|"\']+', text)
    parser = _Expression(tokens)
    term = parser.either()
    if parser.tokens:
        raise ValueError(f"{text!r} goes on after its end")
    return term


def holds(term: Term, config: Mapping[str, Value]) -> bool:
    """Whether a term is true of a configuration."""
    match term.operator:
        case "name":
            return term.text == "y" or is_set(config, term.text)
        case "string":
            return term.text == "y"
        case "not":
            return not holds(term.operands[0], config)
        case "and":
            return all(holds(operand, config) for operand in term.operands)
        case "or":
            return any(holds(operand, config) for operand in term.operands)
        case _:
            left, right = (_plain(operand, config) for operand in term.operands)
            return (left == right) == (term.operator == "=")


def unmet(term: Term, config: Mapping[str, Value]) -> list[Term]:
    """The parts of a term that would each have to become true."""
    if holds(term, config):
        return []
    if term.operator == "and":
        return [part for operand in term.operands for part in unmet(operand, config)]
    return [term]


def _unmet_all(definition: Definition, config: Mapping[str, Value]) -> list[Term]:
    return list({str(part): part for term in definition.depends for part in unmet(term, config)}.values())


def _phrase(terms: Sequence[Term], config: Mapping[str, Value]) -> str:
    shown = [f"{term} (which is not set)" if term.operator == "name" else str(term) for term in terms[:_SHOWN_TERMS]]
    return " and ".join(shown) + (" and more" if len(terms) > _SHOWN_TERMS else "")


def _plain(term: Term, config: Mapping[str, Value]) -> str:
    if term.operator == "string":
        return term.text
    return config.get(term.text, NOT_SET if term.text.isupper() else term.text).strip('"')


def _bracketed(term: Term) -> str:
    return f"({term})" if term.operator in ("and", "or") else str(term)


class _Expression:
    """Recursive descent by the precedence of the language: =, !, &&, ||."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def either(self) -> Term:
        return self._series("||", "or", self.both)

    def both(self) -> Term:
        return self._series("&&", "and", self.single)

    def _series(self, sign: str, operator: str, part: Callable[[], Term]) -> Term:
        terms = [part()]
        while self.tokens[:1] == [sign]:
            self.tokens.pop(0)
            terms.append(part())
        return terms[0] if len(terms) == 1 else Term(operator, tuple(terms))

    def single(self) -> Term:
        token = self._next()
        if token == "!":
            return Term("not", (self.single(),))
        if token == "(":
            inside = self.either()
            if self._next() != ")":
                raise ValueError("a bracket is not closed")
            return inside
        left = self._atom(token)
        if self.tokens and self.tokens[0] in ("=", "!="):
            return Term(self.tokens.pop(0), (left, self._atom(self._next())))
        return left

    def _atom(self, token: str) -> Term:
        if token[0] in "\"'":
            return Term("string", text=token[1:-1])
        if token in ("(", ")", "=", "!=", "&&", "||"):
            raise ValueError(f"{token} stands where a symbol should")
        return Term("name", text=token)

    def _next(self) -> str:
        if not self.tokens:
            raise ValueError("the expression ends too early")
        return self.tokens.pop(0)


class _Reader:
    """Reads menus line by line, with a stack of the blocks that are open."""

    def __init__(self, menus: Menus, read_file: Callable[[str], str | None], variables: Mapping[str, str]) -> None:
        self.menus, self.read_file, self.variables = menus, read_file, variables
        self.choice: int | None = None
        self.seen: set[str] = set()

    def file(self, path: str, around: list[Term]) -> None:
        text = self.read_file(path) if path not in self.seen else None
        if text is None:
            return
        self.seen.add(path)
        # Each open block keeps the conditions that hold inside it; the last list is the innermost block's own.
        blocks: list[list[Term]] = [list(around)]
        current: Definition | None = None
        name, help_indent = "", -1
        for number, row in _logical_lines(text):
            indent = len(row) - len(row.lstrip())
            words = row.strip()
            if help_indent >= 0:
                if help_indent == 0:
                    help_indent = max(indent, 1)
                if indent >= help_indent:
                    continue
                help_indent = -1
            key, _, rest = words.partition(" ")
            key, rest = key.strip(), rest.strip()
            match key:
                case "config" | "menuconfig":
                    conditions = [term for block in blocks for term in block]
                    current, name = Definition(f"{path}:{number}", conditions, self.choice), rest
                    self.menus.definitions.setdefault(name, []).append(current)
                    if self.choice is not None:
                        self.menus.choices[self.choice].append(name)
                case "choice" | "menu" | "if":
                    current = None
                    blocks.append(_terms(rest) if key == "if" else [])
                    if key == "choice":
                        self.choice = len(self.menus.choices)
                        self.menus.choices[self.choice] = []
                case "endchoice" | "endmenu" | "endif":
                    current = None
                    if len(blocks) > 1:
                        blocks.pop()
                    if key == "endchoice":
                        self.choice = None
                case "comment":
                    current = Definition("", [], None)  # takes the comment's own depends lines
                case "source":
                    current = None
                    self.file(self._expanded(rest.strip("\"'")), [term for block in blocks for term in block])
                case "depends":
                    (current.depends if current else blocks[-1]).extend(_terms(rest.removeprefix("on").strip()))
                case "select" if current is not None and name:
                    self.menus.selected_by.setdefault(rest.split()[0], []).append(name)
                case "help" | "---help---":
                    help_indent = 0
                case _:
                    if current is not None and _PROMPT.match(words):
                        current.prompt = True

    def _expanded(self, path: str) -> str:
        return re.sub(
            r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))",
            lambda found: self.variables.get(found[1] or found[2] or found[3], ""),
            path,
        )


def _terms(text: str) -> list[Term]:
    try:
        return [parse_expression(text.partition(" #")[0])]
    except ValueError:
        return []


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers: continued ones joined, blanks and comments left out, tabs as eight blanks."""
    lines: list[tuple[int, str]] = []
    pending, start = "", 0
    for number, row in enumerate(text.expandtabs().splitlines(), 1):
        start = start or number
        if row.endswith("\\"):
            pending += row[:-1] + " "
            continue
        whole, pending = pending + row, ""
        if whole.strip() and not whole.lstrip().startswith("#"):
            lines.append((start, whole))
        start = 0
    return lines

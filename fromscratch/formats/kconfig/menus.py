"""The symbols of Kconfig menus (Config.in files), read to explain why a setting had no effect.

The language is that of Documentation/kbuild/kconfig-language.rst. Read are symbols with their
prompts, dependencies, selections and choices; defaults, ranges and help are passed over.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice

from msgspec import Struct, field

from fromscratch.formats.kconfig.config import NOT_SET, Setting, Value, is_set
from fromscratch.formats.kconfig.expression import Term, parse_expression, unsatisfied
from fromscratch.lazy_regex import lazy_regex
from fromscratch.nearest import nearest

_PROMPT = lazy_regex(r'(?:bool|tristate|string|int|hex|prompt)\s+["\']')
_SHOWN_TERMS = 4
# Far more than Buildroot has (12 files within each other, 9 conditions): each symbol has those of all around it.
_FILES_WITHIN, _CONDITIONS = 64, 256


class Definition(Struct):
    """One place where a symbol is defined. All of `depends` must hold for its prompt to be seen."""

    where: str
    depends: list[Term]
    choice: int | None
    prompt: bool = False


class Menus(Struct):
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
        near = nearest(setting.name, menus.definitions, cutoff=0.75)
        return "there is no such symbol" + (f"; did you mean {near[0]}?" if near else " in this version")
    if setting.value == NOT_SET:
        on = [name for name in menus.selected_by.get(setting.name, ()) if is_set(config, name)]
        return f"it is selected by {' and '.join(on[:_SHOWN_TERMS])}" if on else "something else needs it"
    if rival := rival_choice(setting, menus, config):
        return f"of that choice, {rival} was taken"
    best = min(definitions, key=lambda one: len(_unsatisfied(one, config)))
    if unsatisfied := _unsatisfied(best, config):
        return f"it needs {_phrase(unsatisfied, config)} ({best.where})"
    if not any(one.prompt for one in definitions):
        by = menus.selected_by.get(setting.name, [])
        return "it cannot be set by hand" + (f"; turn on what selects it, such as {by[0]}" if by else "")
    return f"its value became {config.get(setting.name, 'empty')}"


def rival_choice(setting: Setting, menus: Menus, config: Mapping[str, Value]) -> str | None:
    """The member of the same choice that is on instead of this one."""
    for definition in menus.definitions.get(setting.name, ()):
        if definition.choice is not None and not _unsatisfied(definition, config):
            members = menus.choices[definition.choice]
            return next((name for name in members if name != setting.name and is_set(config, name)), None)
    return None


def _unsatisfied(definition: Definition, config: Mapping[str, Value]) -> list[Term]:
    return list({str(part): part for term in definition.depends for part in unsatisfied(term, config)}.values())


def _phrase(terms: Sequence[Term], config: Mapping[str, Value]) -> str:
    shown = [f"{term} (which is not set)" if term.operator == "name" else str(term) for term in terms[:_SHOWN_TERMS]]
    return " and ".join(shown) + (" and more" if len(terms) > _SHOWN_TERMS else "")


class _Reader:
    """Reads menus line by line. `around` are the conditions of the file that sources this one."""

    def __init__(self, menus: Menus, read_file: Callable[[str], str | None], variables: Mapping[str, str]) -> None:
        self.menus, self.read_file, self.variables = menus, read_file, variables
        self.choice: int | None = None
        self.seen: set[str] = set()
        self.within = 0

    def file(self, path: str, around: list[Term]) -> None:
        text = self.read_file(path) if path not in self.seen and self.within < _FILES_WITHIN else None
        if text is None:
            return
        self.seen.add(path)
        self.within += 1
        self._rows(path, text, around)
        self.within -= 1

    def _rows(self, path: str, text: str, around: list[Term]) -> None:
        blocks = _Blocks(around)
        help_indent: int | None = None
        for number, row in _logical_lines(text):
            indent = len(row) - len(row.lstrip())
            if help_indent is not None and indent > help_indent:
                continue
            words = row.strip()
            help_indent = indent if words in ("help", "---help---") else None
            self._line(words, f"{path}:{number}", blocks)

    def _line(self, words: str, where: str, blocks: "_Blocks") -> None:
        key, _, rest = words.partition(" ")
        rest = rest.strip()
        match key:
            case "config" | "menuconfig":
                self._define(rest, where, blocks)
            case "choice" | "menu" | "if":
                blocks.open(_terms(rest) if key == "if" else [])
                if key == "choice":
                    self.choice = len(self.menus.choices)
                    self.menus.choices[self.choice] = []
            case "endchoice" | "endmenu" | "endif":
                blocks.close()
                if key == "endchoice":
                    self.choice = None
            case "comment":
                blocks.current, blocks.name = Definition("", [], None), ""  # takes the comment's own depends lines
            case "source":
                blocks.current = None
                self.file(self._expanded(rest.strip("\"'")), blocks.conditions())
            case "depends":
                blocks.depend(_terms(rest.removeprefix("on").strip()))
            case "select" if blocks.current is not None and blocks.name and rest:
                self.menus.selected_by.setdefault(rest.split()[0], []).append(blocks.name)
            case _:
                if blocks.current is not None and _PROMPT.match(words):
                    blocks.current.prompt = True

    def _define(self, name: str, where: str, blocks: "_Blocks") -> None:
        blocks.current, blocks.name = Definition(where, blocks.conditions(), self.choice), name
        self.menus.definitions.setdefault(name, []).append(blocks.current)
        if self.choice is not None:
            self.menus.choices[self.choice].append(name)

    def _expanded(self, path: str) -> str:
        return re.sub(
            r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))",
            lambda found: self.variables.get(found[1] or found[2] or found[3], ""),
            path,
        )


class _Blocks:
    """The blocks that are open in a file, each with its own conditions, and the symbol that lines speak of."""

    def __init__(self, around: list[Term]) -> None:
        self._stack: list[list[Term]] = [list(around)]
        self._deeper = 0  # blocks within more than a menu has: their conditions are passed over
        self.current: Definition | None = None
        self.name = ""

    def open(self, conditions: list[Term]) -> None:
        self.current = None
        if len(self._stack) > _CONDITIONS:
            self._deeper += 1
        else:
            self._stack.append(conditions)

    def close(self) -> None:
        self.current = None
        if self._deeper:
            self._deeper -= 1
        elif len(self._stack) > 1:
            self._stack.pop()

    def conditions(self) -> list[Term]:
        """Those of all open blocks; of more than a menu can mean, the outer ones."""
        return list(islice(chain.from_iterable(self._stack), _CONDITIONS))

    def depend(self, terms: list[Term]) -> None:
        known = self.current.depends if self.current else self._stack[-1]
        if len(known) < _CONDITIONS:
            known.extend(terms)


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

"""The variables of a recipe: `vars:` declares them, `${{NAME}}` stands for one. Nothing is evaluated."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from fromscratch.formats.yaml import decode
from fromscratch.lazy_regex import lazy_regex
from fromscratch.nearest import nearest
from fromscratch.recipe.nodes import Located, Node, fault, whole

Type = Literal["text", "number", "boolean", "list"]
_NAME = lazy_regex(r"[A-Za-z_][A-Za-z0-9_-]*")
_USE = lazy_regex(r"(\$?)\$\{\{(?:([^{}]{0,200})\}\})?")
_LONGEST = 1 << 20
_DEPTH = 40
_NUMBER = lazy_regex(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_TRUTH = {"true": "true", "yes": "true", "on": "true", "1": "true", "false": "false", "no": "false", "off": "false"}
_TRUTH["0"] = "false"

Value = str | list[str]


class VariableOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variable with what it may be. A text or a list in its place is short for one with this default."""

    default: Annotated[str | list[str] | None, Meta(description="its value, unless another is set")] = None
    type: Annotated[Type | None, Meta(description="what it has to be; as the default is when left out")] = None
    choices: Annotated[list[str], Meta(description="the values that it may have; any when left out")] = []
    description: Annotated[str, Meta(description="what it is for")] = ""


class Variables(Struct, frozen=True):
    """The values by name, and what is wrong with them. `missing` have none."""

    values: Mapping[str, Value]
    faults: tuple[Located, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def written_out(declared: Node) -> Node:
    """The declarations under `vars:`, each as a mapping, so that one file may change the default of another's."""
    if not isinstance(declared.value, dict):
        return declared
    return Node(
        {
            name: node if isinstance(node.value, dict) else Node({"default": node}, node.place)
            for name, node in declared.value.items()
        },
        declared.place,
    )


def variables(declared: Node | None, settings: Mapping[str, str]) -> Variables:
    """The values of what `vars:` declares, as `written_out` gives it, with those that are set for this call."""
    if declared is None or declared.value is None:
        return Variables({}, (), (), tuple(settings))
    if not isinstance(declared.value, dict):
        return Variables({}, (fault(declared, "expected a mapping of names to values"),), (), ())
    reading = _Reading(declared.value, settings)
    for name in declared.value:
        reading.value_of(name, ())
    unknown = tuple(name for name in settings if name not in declared.value)
    return Variables(reading.values, tuple(reading.faults), tuple(reading.missing), unknown)


class _Reading:
    def __init__(self, declared: Mapping[str, Node], settings: Mapping[str, str]) -> None:
        self.declared, self.settings = declared, settings
        self.values: dict[str, Value] = {}
        self.faults: list[Located] = []
        self.missing: list[str] = []
        self.done: set[str] = set()

    def value_of(self, name: str, users: tuple[str, ...]) -> Value | None:
        """The value of a variable, whose default may name others; None if it has none, or is at fault."""
        if name in users:
            circle = " -> ".join([*users[users.index(name) :], name])
            self.faults.append(fault(self.declared[name], f"it is made of itself: {circle}"))
            return None
        if len(users) > _DEPTH:
            self.faults.append(fault(self.declared[name], f"defaults name one another, more than {_DEPTH} deep"))
            return None
        if name not in self.done:
            self.done.add(name)
            value = self.read(name, (*users, name))
            if value is not None:
                self.values[name] = value
        return self.values.get(name)

    def read(self, name: str, users: tuple[str, ...]) -> Value | None:
        node = self.declared[name]
        if not _NAME.fullmatch(name):
            self.faults.append(fault(node, f"{name!r} is not a name; write letters, digits, _ and -, a letter first"))
            return None
        made = whole(node)
        options, faults = decode.decode(made.document.value, made.document, VariableOptions)
        self.faults += made.located(faults)
        if options is None or faults:
            return None
        kind = options.type or ("list" if isinstance(options.default, list) else "text")
        value: Value | None = options.default
        if name in self.settings:
            value = self.settings[name]
        elif value is not None:
            used = _named_in(value)
            inner = {each: self.value_of(each, users) for each in used if each in self.declared}
            if any(each is None for each in inner.values()):
                return None  # which is told of that one
            known = {each: found for each, found in inner.items() if found is not None}
            default = node.get("default") or node
            substitution = Substitution(known, self.declared)
            value = msgspec.convert(substitution.of(default).plain(), Value)
            self.faults += substitution.faults
        if value is None:
            self.missing.append(name)
            return None
        return self.typed(node, name, kind, value, options.choices)

    def typed(self, node: Node, name: str, kind: Type, value: Value, choices: list[str]) -> Value | None:
        """The value as its type has it; None, and a fault, for one that does not fit."""
        if kind == "list" and isinstance(value, str):
            value = [word.strip() for word in value.split(",")] if value.strip() else []
        text = ""
        if kind != "list" and not isinstance(value, str):
            text = f"a {kind} is expected, and this is a list"
        elif kind == "number" and not _NUMBER.fullmatch(str(value)):
            text = f"{value!r} is not a number"
        elif kind == "boolean" and str(value).lower() not in _TRUTH:
            text = f"{value!r} is neither true nor false"
        words = value if isinstance(value, list) else [value]
        wrong = next((word for word in words if choices and word not in choices), None)
        if not text and wrong is not None:
            near = nearest(wrong, choices)
            text = f"{wrong!r} is none of its choices; " + (
                f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(choices)}"
            )
        if text:
            setting = " (as it is set for this call)" if name in self.settings else ""
            self.faults.append(fault(node, text + setting))
            return None
        return _TRUTH[str(value).lower()] if kind == "boolean" else value


class Substitution:
    """Texts with every `${{NAME}}` in them replaced, and in `faults` what is wrong with those.

    A text that is nothing but a variable becomes its value, which may be a list; as an item of a list, a list takes its
    place item by item. `$${{` stands for `${{`. Of `declared` names without a value nothing is said here.
    """

    def __init__(self, values: Mapping[str, Value], declared: Collection[str] = ()) -> None:
        self.values, self.declared = values, declared
        self.faults: list[Located] = []
        self.size = 0

    def of(self, node: Node) -> Node:
        """The value with all texts in it replaced."""
        match node.value:
            case dict():
                return Node({key: self.of(each) for key, each in node.value.items()}, node.place)
            case list():
                items: list[Node] = []
                for each in node.value:
                    made = self.of(each)
                    splice = isinstance(each.value, str) and isinstance(made.value, list)
                    items += made.value if splice and isinstance(made.value, list) else [made]
                return Node(items, node.place)
            case str() if "${{" in node.value:
                return self._replaced(node, node.value)
        return node

    def _replaced(self, node: Node, text: str) -> Node:
        alone = _USE.fullmatch(text)
        if alone and not alone[1] and isinstance(value := self.values.get((alone[2] or "").strip()), list):
            self._count(node, sum(map(len, value)))
            return Node([Node(word, node.place) for word in value], node.place)
        out: list[str] = []
        position = 0
        for use in _USE.finditer(text):
            word = use[0].removeprefix("$") if use[1] else self._text(node, use[0], use[2])
            if not self._count(node, len(word)):
                return node
            out += (text[position : use.start()], word)
            position = use.end()
        return Node("".join((*out, text[position:])), node.place)

    def _count(self, node: Node, size: int) -> bool:
        """Count what is put in; False, and a fault, where it is more than a recipe may hold."""
        before = self.size
        self.size += size
        if before <= _LONGEST < self.size:
            self.faults.append(fault(node, "here the variables make the recipe longer than one may be"))
        return self.size <= _LONGEST

    def _text(self, node: Node, written: str, between: str | None) -> str:
        """The value of a variable in a text; what is written, and a fault, if there is none."""
        name = (between or "").strip()
        value = self.values.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            self.faults.append(fault(node, f"the variable {name!r} is a list, which cannot stand inside a text"))
        elif between is None:
            self.faults.append(
                fault(node, "${{ without a name and }}; write ${{NAME}}, or $${{ for the text ${{ itself")
            )
        elif not _NAME.fullmatch(name):
            text = f"{written!r} is not a variable; write ${{{{NAME}}}}, or $${{{{ for the text ${{{{ itself"
            self.faults.append(fault(node, text))
        elif name not in self.declared:
            near = nearest(name, self.declared or self.values)
            known = f"those here are {', '.join(self.values)}" if self.values else "declare it under vars:"
            guess = f"did you mean {near[0]!r}?" if near else known
            self.faults.append(fault(node, f"there is no variable {name!r}; {guess}"))
        return written


def escaped(value: Any) -> Any:
    """A value of a recipe so that its texts are read again as they are: `$${{` for `${{`."""
    match value:
        case str():
            return value.replace("${{", "$${{")
        case list() | tuple():
            return [escaped(item) for item in value]
        case Mapping():
            return {key: escaped(item) for key, item in value.items()}
    return value


def _named_in(value: Value) -> Iterator[str]:
    for text in [value] if isinstance(value, str) else value:
        yield from (use[2].strip() for use in _USE.finditer(text) if use[2] and not use[1])

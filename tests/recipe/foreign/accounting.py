"""Whether anything of a declaration gets lost: a value is quoted by its line, or the recipe changes as it does."""

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from fromscratch.errors import ImageError
from fromscratch.recipe.foreign.contract import Converted, Surroundings
from fromscratch.recipe.foreign.conversion import convert


def lost_values(text: str, surroundings: Surroundings) -> list[str]:
    """The values of a YAML declaration that neither the list nor the recipe holds, as LINE: VALUE."""
    converted = convert(text, surroundings)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = []
    for node in scalars(yaml.compose(text, Loader=loader)):
        line = node.start_mark.line + 1
        if not is_quoted(converted, line) and not matters(text, changed(text, node), converted, surroundings):
            found.append(f"{line}: {node.value}")
    return found


def lost_lines(text: str, surroundings: Surroundings, change: Callable[[str], str]) -> list[str]:
    """The same of a declaration that is made of lines; `change` gives another line of the same kind, or the same."""
    converted = convert(text, surroundings)
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        other = "\n".join([*lines[: number - 1], change(line), *lines[number:]]) + "\n"
        if other != text and not is_quoted(converted, number) and not matters(text, other, converted, surroundings):
            found.append(f"{number}: {line}")
    return found


def is_quoted(converted: Converted, line: int) -> bool:
    return any(not each.file and each.line <= line <= each.last for each in converted.left_out)


def matters(text: str, other: str, converted: Converted, surroundings: Surroundings) -> bool:
    assert text != other
    try:
        return convert(other, surroundings).recipe != converted.recipe
    except ImageError:
        return True


def scalars(node: Any) -> Iterator[Any]:
    """The scalars that are values."""
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from scalars(value)
    else:
        yield node


def changed(text: str, node: Any) -> str:
    """The text with another value in this place."""
    start, end = node.start_mark.index, node.end_mark.index
    if node.style in ("|", ">"):
        first = text.index("\n", start) + 1
        while text[first].isspace():
            first += 1
        return f"{text[:first]}Z{text[first:]}"
    if node.value in ("true", "false"):
        return f"{text[:start]}{'false' if node.value == 'true' else 'true'}{text[end:]}"
    inside = end - 1 if node.style else end
    return f"{text[:inside]}{'7' if node.value.isdigit() else 'x'}{text[inside:]}"

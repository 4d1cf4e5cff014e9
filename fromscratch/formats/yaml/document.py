"""YAML with the place of every value, and every scalar as the text that was written.

Scalars stay text, so `version: 2026.10` is not the number 2026.1 and `country: no` is not false; the
types that the recipe is decoded into say what each text means. Only `null`, `~` and nothing are null.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.lazy_regex import lazy_regex

Path = tuple[str | int, ...]


class Document(Struct, frozen=True):
    """`value` is made of dict, list, str and None; `lines` has the line, from 1, of each key or item by its path.

    `repeated` are the paths of keys that stand twice in one mapping.
    """

    value: Any
    lines: Mapping[Path, int]
    repeated: tuple[tuple[Path, int], ...]


def load(text: str, name: str) -> Document:
    """Raises FormatError, with file and line, for text that is not YAML or uses more of it than a recipe may."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_depth(yaml.parse(text, Loader=loader), name)
        node = yaml.compose(text, Loader=loader)
    except UnicodeEncodeError as error:
        raise FormatError(f"{name}: this holds {error.object[error.start]!r}", "write it in UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        # To tell a list from a key, a library reads ahead, to its own limit of levels and before it tells of one.
        if line := _too_deep(text[: mark.index + 1] if mark else text):
            raise _nests(f"{name}:{line}") from error
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        if mark and _is_tab(text, mark.line, mark.column):
            raise FormatError(
                f"{where}: there is a tab where YAML wants blanks", "indent with blanks, as many as the lines beside it"
            ) from error
        if mark and (word := _TAG.search(next(islice(text.split("\n"), mark.line, None), ""))):
            raise _tagged(where, word[1]) from error
        raise FormatError(
            f"{where}: this is not YAML: {problem}", "look at the indentation and quotes there"
        ) from error
    reader = _Reader(name)
    value = reader.value(node, (), 0) if node is not None else None
    return Document(value, reader.lines, tuple(reader.repeated))


# A word that YAML takes for a tag: it begins with ! where a value may begin. In quotes it is text.
_TAG = lazy_regex(r"(?:^|[\s,\[{])(![^\s,\[\]{}\"']+)")


def _tagged(where: str, word: str) -> FormatError:
    return FormatError(f"{where}: YAML takes {word} for a tag, not for text", f'write it in quotes: "{word}"')


def _is_tab(text: str, line: int, column: int) -> bool:
    """Whether a tab stands in this place, or in the indentation before it."""
    here = next(islice(text.split("\n"), line, None), "")
    return here[column : column + 1] == "\t" or (not here[:column].strip() and "\t" in here[:column])


_DEPTH = 40
_VALUES = 100_000


def _refuse_depth(events: Iterator[Any], name: str) -> None:
    """libyaml composes by recursion, and ends the whole process where its stack ends; its events come one by one."""
    import yaml

    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            raise _nests(f"{name}:{event.start_mark.line + 1}")


# What holds no brackets that count: text in quotes, which begins where a value may, and comments.
_FLOW = lazy_regex(r"""(?<![^\s,:\[{])(?:'[^']*'|"(?:[^"\\]|\\.)*"|#[^\n]*)|[\[{]|[]}]""", re.DOTALL)


def _too_deep(text: str) -> int | None:
    """The line, from 1, where brackets nest deeper than a recipe may; None where they do not.

    For text that is not YAML anyhow: brackets inside plain words and blocks of text count too.
    """
    depth = 0
    for found in _FLOW.finditer(text):
        depth = max(0, depth + (found[0] in ("[", "{")) - (found[0] in ("]", "}")))
        if depth > _DEPTH:
            return text.count("\n", 0, found.start()) + 1
    return None


def _nests(where: str) -> FormatError:
    return FormatError(f"{where}: this nests too deep", "a recipe needs no more than a few levels")


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Path, int] = {(): 1}
        self.repeated: list[tuple[Path, int]] = []
        self.count = 0

    def value(self, node: Any, path: Path, depth: int) -> Any:
        import yaml

        self.count += 1
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if depth > _DEPTH or self.count > _VALUES:  # an alias inside what it names, or aliases of aliases
            raise FormatError(f"{self.name}:{line}: this nests too deep or grows too large", "write it out plainly")
        if node.tag.startswith("!"):
            raise _tagged(f"{self.name}:{line}", node.tag)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        plain = not node.style  # libyaml says "", PyYAML itself None
        return None if plain and node.value in ("", "~", "null", "Null", "NULL") else node.value

    def mapping(self, node: Any, path: Path, depth: int) -> dict[str, Any]:
        import yaml

        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise FormatError(f"{self.name}:{line}: a key must be a word", "write it as a plain word and a colon")
            if key.value in found:
                self.repeated.append(((*path, key.value), line))
                continue
            self.lines[(*path, key.value)] = line
            found[key.value] = self.value(value, (*path, key.value), depth + 1)
        return found

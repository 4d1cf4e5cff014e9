"""Which parts of a declaration were carried over: what nobody has asked for is left out by name, never silently.

Every scalar of the document, and every empty list or mapping, is a leaf. A reader takes it, or leaves it out with a
reason; the leaves that it did neither with are left out as unknown.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fromscratch.formats.yaml.document import Document, Path
from fromscratch.recipe.foreign.contract import LeftOut, quoted


class Ledger:
    """The leaves of one document, and what became of each."""

    def __init__(self, document: Document, text: str, file: str = "") -> None:
        self.document, self.file = document, file
        self.lines = text.splitlines()
        self._carried: set[Path] = set()
        self._entries: list[LeftOut] = []
        self._starts = sorted({*document.lines.values(), len(self.lines) + 1})

    @property
    def root(self) -> "Node":
        return Node(self, (), self.document.value)

    def take(self, path: Path, value: Any) -> None:
        """The value was carried over, with all that is in it."""
        self._carried.update(leaves(path, value))

    def leave_out(self, path: Path, value: Any, why: str, *, remark: bool = False) -> None:
        """The value did not become a part of the recipe as it is, for this reason."""
        self.take(path, value)
        first, last = self.span(path, value)
        self._entries.append(LeftOut(self.file, first, last, self.quoted(first), why, remark))

    def entries(self) -> list[LeftOut]:
        """Everything that was not carried over, by line."""
        unknown = "no reader knows this key"
        found = [*self._entries]
        for path, line in self.document.repeated:
            found.append(LeftOut(self.file, line, line, self.quoted(line), f"the key {path[-1]!r} stands twice"))
        for path, value in self._untouched((), self.document.value):
            first, last = self.span(path, value)
            found.append(LeftOut(self.file, first, last, self.quoted(first), unknown))
        return sorted(set(found))

    def quoted(self, line: int) -> str:
        return quoted(self.lines[line - 1]) if line <= len(self.lines) else ""

    def span(self, path: Path, value: Any) -> tuple[int, int]:
        """The first and last line of a value, with its key."""
        first = self.document.lines[path]
        deepest = max((self.document.lines[leaf] for leaf in leaves(path, value)), default=first)
        following = next((line for line in self._starts if line > deepest), len(self.lines) + 1)
        last = following - 1
        while last > deepest and (not self.lines[last - 1].strip() or self.lines[last - 1].lstrip().startswith("#")):
            last -= 1
        return first, max(last, first)

    def _untouched(self, path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
        """The largest parts of which nothing was taken."""
        below = list(leaves(path, value))
        if path and not any(leaf in self._carried for leaf in below):
            yield path, value
        elif not all(leaf in self._carried for leaf in below):
            for key, item in _children(value):
                yield from self._untouched((*path, key), item)


def _children(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ())


def leaves(path: Path, value: Any) -> Iterator[Path]:
    """The paths of the scalars, and of the empty lists and mappings, in a value."""
    children = _children(value)
    if not children:
        yield path
    for key, item in children:
        yield from leaves((*path, key), item)


class Node:
    """A value of a document, with its place. What is read by `text`, `texts` and the like counts as carried over."""

    def __init__(self, ledger: Ledger, path: Path, value: Any) -> None:
        self.ledger, self.path, self.value = ledger, path, value

    @property
    def line(self) -> int:
        return self.ledger.document.lines.get(self.path, 1)

    @property
    def key(self) -> str:
        return str(self.path[-1]) if self.path else ""

    def __bool__(self) -> bool:
        """Whether there is anything at this place."""
        return self.value is not None

    def child(self, *keys: str) -> "Node":
        """What stands under a key of a key; a node of nothing where there is none."""
        node = self
        for key in keys:
            value = node.value.get(key) if isinstance(node.value, Mapping) else None
            node = Node(self.ledger, (*node.path, key), value)
        return node

    def children(self) -> list["Node"]:
        """The values of a mapping, or of a list; an empty one counts as carried over."""
        if self.value in ({}, []):
            self.take()
        return [Node(self.ledger, (*self.path, key), item) for key, item in _children(self.value)]

    def text(self, default: str = "") -> str:
        """A text; what is none is left out."""
        if self.value is None:
            return default
        if not isinstance(self.value, str):
            self.leave_out("this is not a text")
            return default
        self.take()
        return self.value

    def number(self) -> int | None:
        """A whole number, octal with 0o or 0 before it; what is none is left out."""
        if not self:
            return None
        try:
            found = int(self.value, 0) if not str(self.value).startswith("0") else _octal(self.value)
        except (TypeError, ValueError):
            self.leave_out("this is not a whole number")
            return None
        self.take()
        return found

    def flag(self) -> bool:
        """Whether it says true; what is neither true nor false is left out."""
        if self and self.value not in ("true", "false", "True", "False", "yes", "no"):
            self.leave_out("this is not true or false")
            return False
        if self:
            self.take()
        return self.value in ("true", "True", "yes")

    def texts(self) -> list[str]:
        """The texts of a list, or one text; what is none is left out."""
        if isinstance(self.value, str):
            return [self.text()]
        return [item.text() for item in self.items() if isinstance(item.value, str) or item.refuse("not a text")]

    def items(self) -> list["Node"]:
        """The items of a list; anything else is left out."""
        if isinstance(self.value, list):
            return self.children()
        if self:
            self.leave_out("this is not a list")
        return []

    def pairs(self) -> dict[str, str]:
        """A mapping of texts; what is none is left out."""
        if isinstance(self.value, Mapping):
            return {node.key: node.text() for node in self.children() if isinstance(node.value, str) or node.empty()}
        if self:
            self.leave_out("this is not a mapping")
        return {}

    def empty(self) -> bool:
        """Whether there is nothing here, which stands for an empty text; anything else is left out."""
        if self.value is None:
            self.take()
            return True
        return self.refuse("not a text")

    def take(self) -> None:
        if self.path in self.ledger.document.lines:
            self.ledger.take(self.path, self.value)

    def leave_out(self, why: str, *, remark: bool = False) -> None:
        if self.path in self.ledger.document.lines:
            self.ledger.leave_out(self.path, self.value, why, remark=remark)

    def refuse(self, why: str) -> bool:
        """Leave it out; False, for use in conditions."""
        self.leave_out(why)
        return False


def _octal(value: str) -> int:
    return int(value.removeprefix("0o").removeprefix("0O") or "0", 8)

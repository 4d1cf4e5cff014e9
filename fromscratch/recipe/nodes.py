"""A document as nodes that know where they were written, so that parts of several files make one document.

A fault in the whole is then told with the file, the line and the path of the part that it is in.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from fromscratch.formats.yaml.decode import Fault
from fromscratch.formats.yaml.document import Document, Path


class Place(Struct, frozen=True):
    """Where a value was written: its file, the line, from 1, and its path in that file."""

    name: str
    line: int
    path: Path


class Node(Struct, frozen=True):
    """A value with the values in it."""

    value: "dict[str, Node] | list[Node] | str | None"
    place: Place

    def get(self, key: str) -> "Node | None":
        """The value of a key; None for what is not a mapping, or has no such key."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def without(self, *keys: str) -> "Node":
        """The same mapping without these keys."""
        if not isinstance(self.value, dict):
            return self
        return Node({key: node for key, node in self.value.items() if key not in keys}, self.place)

    def plain(self) -> object:
        """The value in dict, list, str and None."""
        match self.value:
            case dict():
                return {key: node.plain() for key, node in self.value.items()}
            case list():
                return [node.plain() for node in self.value]
        return self.value


def nodes(document: Document, name: str) -> Node:
    """A document that was read from the file `name`."""

    def node(value: object, path: Path) -> Node:
        place = Place(name, document.lines.get(path, 1), path)
        match value:
            case dict():
                return Node({key: node(each, (*path, key)) for key, each in value.items()}, place)
            case list():
                return Node([node(each, (*path, index)) for index, each in enumerate(value)], place)
            case str() | None:
                return Node(value, place)
        raise TypeError(f"{type(value)} in a document")

    return node(document.value, ())


class Whole(Struct, frozen=True):
    """A document that was put together, and where each of its values was written."""

    document: Document
    places: Mapping[Path, Place]

    def located(self, faults: Iterable[Fault]) -> Iterator["Located"]:
        """The faults of this document, each where it was written."""
        for fault in faults:
            known = fault.path
            while known and known not in self.places:
                known = known[:-1]
            place = self.places[known]
            yield Located(place.name, place.line, (*place.path, *fault.path[len(known) :]), fault.text)


class Located(Struct, frozen=True):
    """A fault with the file that it is in."""

    name: str
    line: int
    path: Path
    text: str

    def __str__(self) -> str:
        return f"{self.name}:{self.line}: {Fault(self.line, self.path, self.text)}"


def fault(node: Node, text: str) -> Located:
    """What is wrong with a value, where it was written."""
    return Located(node.place.name, node.place.line, node.place.path, text)


def whole(top: Node) -> Whole:
    """The nodes as one document."""
    places: dict[Path, Place] = {}

    def note(node: Node, path: Path) -> None:
        places[path] = node.place
        match node.value:
            case dict():
                for key, each in node.value.items():
                    note(each, (*path, key))
            case list():
                for index, each in enumerate(node.value):
                    note(each, (*path, index))

    note(top, ())
    return Whole(Document(top.plain(), {path: place.line for path, place in places.items()}, ()), places)

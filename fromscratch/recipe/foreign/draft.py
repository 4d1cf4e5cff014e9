"""A recipe in the making, which knows of which line of the declaration each part was made.

A part that recipes cannot hold, such as a port that is none, is taken out again and its line is left out.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from fromscratch.errors import ImageError, RecipeError
from fromscratch.formats.yaml import writing
from fromscratch.formats.yaml.document import Path
from fromscratch.recipe import schema
from fromscratch.recipe.variables import escaped

_ROUNDS = 100  # each reads all of it again
_ORDER = ("name", "vars", "rootfs", "trim", "accounts", "paths", "certificates", "image", "checks", "platforms")


class Place(Protocol):
    """A place in the declaration that can be left out."""

    def leave_out(self, why: str, *, remark: bool = False) -> None: ...


class _Part:
    def __init__(self, path: Path, value: Any, place: Place | None) -> None:
        self.path, self.value, self.place, self.dropped = path, value, place, False


class Draft:
    """Parts of a recipe. A path is that of the key, such as ("image", "user")."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._lengths: dict[Path, int] = {}

    def put(self, path: Path, value: Any, place: Place | None = None) -> None:
        """Set a key. Nothing is set to an empty text, list or mapping."""
        if value not in ("", None, [], {}):
            self._parts.append(_Part(path, value, place))

    def put_text(self, path: Path, text: str, place: Place | None = None) -> None:
        """Set a key to a text, which may be empty."""
        self._parts.append(_Part(path, text, place))

    def add(self, path: Path, value: Any, place: Place | None = None) -> Path:
        """Append to a list; the path of the new item."""
        index = self._lengths.get(path, 0)
        self._lengths[path] = index + 1
        self._parts.append(_Part((*path, index), value, place))
        return (*path, index)

    def item(
        self, kind: str, options: Mapping[str, Any] | str, place: Place | None = None, *, replace: bool = False
    ) -> Path:
        """Append an item to the root; the path of its options. With `replace` it may replace what is there."""
        return (*self.add(("rootfs",), {kind: options} | ({"replace": True} if replace else {}), place), kind)

    def value(self) -> dict[str, Any]:
        """What the recipe says so far."""
        return self._settled()[0]

    def valid(self, source: str) -> tuple[schema.Recipe, dict[str, Any]]:
        """The recipe, without the parts that recipes cannot hold. Raises ImageError where nothing is left."""
        for _round in range(_ROUNDS):
            value, origins = self._settled()
            if not value.get("rootfs") and not value.get("paths"):
                break
            value = {key: value.get(key, []) for key in sorted({*value, "rootfs"}, key=_rank)}
            text = writing.written(escaped(value))
            try:
                return schema.parse(text, source), value
            except RecipeError as error:
                if not error.faults:
                    raise
                dropped = [self._drop(fault, origins) for fault in error.faults]
                if not any(dropped):
                    raise
        else:
            raise ImageError(
                f"{source}: more than {_ROUNDS} of its parts cannot stand in a recipe",
                "name a declaration with fewer errors, or write the recipe by hand",
            )
        raise ImageError(
            f"{source}: nothing of it can become a recipe",
            "name a declaration that says which packages, images or files the root is made of",
        )

    def _drop(self, fault: Any, origins: Mapping[Path, Path]) -> bool:
        """Take out the part that a fault is about."""
        path = _declared(fault.path, origins)
        around = [part for part in self._parts if not part.dropped and part.path == path[: len(part.path)]]
        below = [part for part in self._parts if not part.dropped and part.path[: len(path)] == path]
        meant = [part for part in below if isinstance(part.value, str) and repr(part.value) in fault.text]
        found = meant[:1] or around[-1:] or below
        tops = {top.path for top in found}
        for part in self._parts:
            if not part.dropped and any(part.path[:length] in tops for length in range(len(part.path) + 1)):
                part.dropped = True
                if part.place:
                    part.place.leave_out(fault.text)
        return bool(found)

    def _settled(self) -> tuple[dict[str, Any], dict[Path, Path]]:
        """The value, and for the path of each item of a list the path that it was added under."""
        root: dict[Any, Any] = {}
        for part in self._parts:
            if not part.dropped:
                _set(root, part.path, _copy(part.value))
        origins: dict[Path, Path] = {}
        found = _compact(root, (), (), origins, set(self._lengths))
        return found, origins


def _rank(key: str) -> int:
    return _ORDER.index(key) if key in _ORDER else len(_ORDER)


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, str):
        return value.replace("${{", "$${{")  # which would stand for a variable
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value


def _set(root: dict[Any, Any], path: Path, value: Any) -> None:
    """Set a value in mappings of mappings, in which a list is a mapping of numbers."""
    for part in path[:-1]:
        root = root.setdefault(part, {})
    root[path[-1]] = value


def _compact(value: Any, path: Path, added: Path, origins: dict[Path, Path], lists: set[Path]) -> Any:
    """The value with lists in place of mappings of numbers."""
    if not isinstance(value, dict):
        return value
    if added in lists:
        items = []
        for index, key in enumerate(sorted(value)):
            origins[(*path, index)] = (*added, key)
            items.append(_compact(value[key], (*path, index), (*added, key), origins, lists))
        return items
    return {key: _compact(item, (*path, key), (*added, key), origins, lists) for key, item in value.items()}


def _declared(path: Path, origins: Mapping[Path, Path]) -> Path:
    """The path under which the parts at a path of the recipe were added."""
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return (*origins[path[:length]], *path[length:])
    return path

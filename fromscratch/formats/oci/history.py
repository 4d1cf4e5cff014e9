"""The history of an image, which says where each layer came from: image-spec/config.md, "history".

An image that was read and then changed keeps what its history says of the layers that it still has,
with the steps in between that made no layer.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from fromscratch.formats.oci.json_schema import decode
from fromscratch.model.image import Image, Layer

MAKER = "fromscratch"
"""What made a layer of which nothing more is known."""

Entry = dict[str, Any]


class Step(msgspec.Struct):
    """An entry in JSON. `created` and `author` are not used, but other readers check their types."""

    comment: str | None = None
    created_by: str | None = None
    empty_layer: bool | None = None
    created: str | None = None
    author: str | None = None


class LayerNote(Struct, frozen=True):
    """What the history says of one layer: the two fields of `Layer` that come from it."""

    comment: str = ""
    created_by: str = ""


class _Layers(msgspec.Struct):
    diff_ids: list[str] | None = None


class _Original(msgspec.Struct):
    rootfs: _Layers
    history: list[Entry] | None = None


def notes_of(steps: Sequence[Step], count: int) -> tuple[LayerNote, ...]:
    """The notes on `count` layers. The history is optional and often wrong: one of another length is ignored."""
    layers = [LayerNote(step.comment or "", _maker(step.created_by)) for step in steps if not step.empty_layer]
    return tuple(layers) if len(layers) == count else (LayerNote(),) * count


def note_of(layer: Layer) -> LayerNote:
    """What the history that we write says of a layer."""
    return LayerNote(layer.comment, _maker(layer.created_by))


def layer_steps(config: bytes) -> int | None:
    """How many entries of a configuration's history stand for a layer; None where there is no history."""
    steps = decode(config, _Original, "the configuration").history
    return sum(not step.get("empty_layer") for step in steps) if steps else None


def history(image: Image, created: str) -> list[Entry]:
    """One entry for each layer, of this time; those of the original image for the layers that were in it."""
    known = _Known(image)
    return [entry for layer in image.layers for entry in known.of(layer) or [_own(layer, created)]]


def _own(layer: Layer, created: str) -> Entry:
    entry = {"created": created, "created_by": layer.created_by or MAKER}
    return {**entry, "comment": layer.comment} if layer.comment else entry


def _maker(text: str | None) -> str:
    return "" if text in (None, MAKER) else str(text)


class _Known:
    """The layers of the original image with their entries; each is found once, in their order."""

    def __init__(self, image: Image) -> None:
        self._rest: list[tuple[str, list[Entry]]] = []
        if image.original is None:
            return
        original = decode(image.original.config, _Original, "the original configuration")
        diff_ids, groups = original.rootfs.diff_ids or [], list(_groups(original.history or []))
        if len(groups) == len(diff_ids):
            self._rest = list(zip(diff_ids, groups, strict=True))

    def of(self, layer: Layer) -> list[Entry]:
        """The entries of this layer; none if the original image has no such layer."""
        for place, (diff_id, group) in enumerate(self._rest):
            if diff_id == str(layer.diff_id):
                del self._rest[: place + 1]
                return [entry if entry.get("empty_layer") else _with_note(entry, layer) for entry in group]
        return []


def _groups(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries of each layer: those without a layer stand before it, and the last ones with the last layer."""
    group: list[Entry] = []
    ends = {place for place, entry in enumerate(entries) if not entry.get("empty_layer")}
    ends.discard(max(ends, default=0))
    for place, entry in enumerate(entries):
        group.append(entry)
        if place in ends or place == len(entries) - 1:
            yield group
            group = []


def _with_note(entry: Entry, layer: Layer) -> Entry:
    """The entry, updated if the layer's comment or maker has changed since."""
    read, ours = notes_of([Step(entry.get("comment"), entry.get("created_by"))], 1)[0], note_of(layer)
    if read == ours:
        return entry
    changed = {**entry, "created_by": ours.created_by or MAKER, "comment": ours.comment}
    return {name: value for name, value in changed.items() if value != ""}

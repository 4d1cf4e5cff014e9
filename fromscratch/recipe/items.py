"""What a recipe says under `rootfs:`: one source an item."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, cast

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from fromscratch.formats.yaml.decode import Fault
from fromscratch.formats.yaml.document import Document
from fromscratch.recipe.checks import kind_faults, written_out
from fromscratch.recipe.composition import GitPart
from fromscratch.sources import catalogue


class _Item(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    replace: Annotated[bool, Meta(description="let this item's files replace those of earlier items")] = False
    folder: Annotated[str | GitPart, Meta(description="where its relative paths start, if not at the recipe")] = ""


# One optional field per kind of source, in the order of the alphabet.
KINDS = dict(sorted(catalogue.kinds().items()))
SourceItem = msgspec.defstruct(
    "SourceItem",
    [(word, kind.options | str | UnsetType, UNSET) for word, kind in KINDS.items()],
    bases=(_Item,),
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)


class Item(Struct, frozen=True):
    """One thing under `rootfs:`."""

    kind: str
    options: Struct
    replace: bool
    folder: str | GitPart = ""


def items_of(rootfs: Iterable[Any]) -> Iterator[Item]:
    """The items as they are decoded, each with the options of its kind."""
    for item in rootfs:
        for word in KINDS:
            options = getattr(item, word)
            if options is not UNSET:
                yield Item(word, cast(Struct, options), item.replace, item.folder)


def without_shorthands(value: Any, document: Document, faults: list[Fault]) -> Any:
    """The document with each `KIND: TEXT` written out, and items that name no kind, or two, as faults."""
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("checks"), list):
        value["checks"] = written_out(value["checks"])
        faults += kind_faults(value["checks"], document)
    if not isinstance(value.get("rootfs"), list):
        return value
    for index, item in enumerate(value["rootfs"]):
        if not isinstance(item, dict):
            continue
        present = [word for word in item if word in KINDS]
        for word in present:
            if isinstance(item[word], str):
                item[word] = KINDS[word].written_out(item[word])
            elif item[word] is None:
                item[word] = {}
        if len(present) != 1 and not set(item) - set(KINDS) - {"replace", "folder"}:
            path = ("rootfs", index)
            found = " and ".join(present) or "none"
            text = f"an item names one kind of source, one of {', '.join(KINDS)}; found {found}"
            faults.append(Fault(document.lines.get(path, 1), path, text))
    return value

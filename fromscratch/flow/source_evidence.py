"""What evidence says of each item of a recipe: the inputs that fetch settled, and what was left undone."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.address import without_secrets
from fromscratch.host.storage.store import Store
from fromscratch.paths import encode
from fromscratch.sources.contract import LeavesOut, Noted, Pin, Pinned, Source
from fromscratch.transforms.shell.left_out import LeftOut


class SourceEvidence(Struct, frozen=True, kw_only=True):
    """One item under `rootfs:`, by its label; `notes` are lines for people, `left_out` commands of packages' scripts
    that were not followed."""

    label: str
    pins: list[Pin] = []
    notes: list[str] = []
    left_out: list[LeftOut] = []


def source_evidence(sources: Iterable[Source], store: Store) -> list[SourceEvidence]:
    """The same for every source of an image, in the order of the recipe; without secrets."""
    return [
        SourceEvidence(
            label=without_secrets(source.label),
            pins=[_public(pin) for pin in source.pins(store)] if isinstance(source, Pinned) else [],
            notes=[without_secrets(note) for note in source.notes(store)] if isinstance(source, Noted) else [],
            left_out=[_printable(one) for one in source.left_out(store)] if isinstance(source, LeavesOut) else [],
        )
        for source in sources
    ]


def _public(pin: Pin) -> Pin:
    return replace(pin, name=without_secrets(pin.name), url=without_secrets(pin.url))


def _printable(one: LeftOut) -> LeftOut:
    """In a form that JSON can hold: scripts are bytes of any kind."""
    command, why = (encode(text).decode("utf-8", "backslashreplace") for text in (one.command, one.why))
    return replace(one, command=without_secrets(command), why=why)

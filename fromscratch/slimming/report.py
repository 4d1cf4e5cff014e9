"""The gap report: what of an image is kept, by which evidence, and what is left out; by folder, in bytes and files."""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

from fromscratch import paths
from fromscratch.model.entry import Entry, File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.slimming.retained import SLIM, TRACE
from fromscratch.slimming.selection import Selection

Evidence = Literal["used and linked", "used only", "linked only", "other reasons", "dropped"]
"""used: a run opened, started or looked at it; linked: a program that is kept is linked to it or run by it; other
reasons: the configuration, an option, or a file that it belongs to; dropped: not in the small image."""

KINDS: tuple[Evidence, ...] = get_args(Evidence)
_LINKING = ("DT_NEEDED", "PT_INTERP")


class Amount(Struct, frozen=True):
    """Regular files, each inode once, and their bytes."""

    files: int = 0
    bytes: int = 0

    def plus(self, size: int) -> "Amount":
        return Amount(self.files + 1, self.bytes + size)


class Report(Struct, frozen=True, kw_only=True):
    """`evidence` and `folders` have an amount for each kind of evidence that there is; `folders` the two uppermost
    components of paths. `unexercised` are the kept files that no run used, the largest first, each with its reason."""

    full: Amount
    slim: Amount
    evidence: dict[Evidence, Amount]
    folders: dict[str, dict[Evidence, Amount]]
    unexercised: dict[str, str]
    absent: tuple[str, ...] = ()
    dropped_by_option: tuple[str, ...] = ()


def report(full: Rootfs, selection: Selection) -> Report:
    """The report on what a selection keeps of the full tree."""
    evidence: dict[Evidence, Amount] = {}
    folders: dict[str, dict[Evidence, Amount]] = {}
    unexercised: list[tuple[int, str, str]] = []
    for place, entry in full.items():
        if not isinstance(entry, File):
            continue
        kind = _evidence(place, selection.tree)
        size = entry.content.size
        evidence[kind] = evidence.get(kind, Amount()).plus(size)
        here = folders.setdefault(_folder(place), {})
        here[kind] = here.get(kind, Amount()).plus(size)
        if kind in ("linked only", "other reasons"):
            unexercised.append((-size, place, _reason(selection.tree[place])))
    return Report(
        full=_total(full),
        slim=_total(selection.tree),
        evidence={kind: evidence[kind] for kind in KINDS if kind in evidence},
        folders=dict(sorted(folders.items())),
        unexercised={place: reason for _, place, reason in sorted(unexercised)},
        absent=selection.use.absent,
        dropped_by_option=selection.dropped,
    )


def _evidence(place: TreePath, retained: Mapping[TreePath, Entry]) -> Evidence:
    entry = retained.get(place)
    if entry is None:
        return "dropped"
    is_used = any(origin.source == TRACE for origin in entry.origins)
    is_linked = any(
        origin.source == SLIM and (origin.reason == "interpreter of" or any(rule in origin.detail for rule in _LINKING))
        for origin in entry.origins
    )
    if is_linked:
        return "used and linked" if is_used else "linked only"
    return "used only" if is_used else "other reasons"


def _reason(entry: Entry) -> str:
    origin = entry.origins[0] if entry.origins else None
    return f"{origin.reason} {origin.detail}" if origin else ""


def _folder(place: TreePath) -> str:
    """The two uppermost folders of a file's path."""
    parts = paths.parent(place).split("/")
    return "/".join(parts[:3]) or ROOT


def _total(tree: Rootfs) -> Amount:
    amount = Amount()
    for entry in tree.values():
        if isinstance(entry, File):
            amount = amount.plus(entry.content.size)
    return amount

"""The gap report: what of an image is kept, by which evidence, and what is left out; by folder, in bytes and files."""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

from fromscratch import paths
from fromscratch.formats.installed import Package
from fromscratch.model.entry import Entry, File
from fromscratch.model.listing import quoted
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, shown
from fromscratch.slimming.package_records import RECORDS
from fromscratch.slimming.retained import SLIM, TRACE
from fromscratch.slimming.selection import Selection

Evidence = Literal["used and linked", "used only", "linked only", "other reasons", "dropped"]
"""used: a run opened, started or looked at it; linked: a program that is kept is linked to it or run by it; other
reasons: the configuration, an option, or a file that it belongs to; dropped: not in the small image."""

KINDS: tuple[Evidence, ...] = get_args(Evidence)
_LINKING = ("DT_NEEDED", "PT_INTERP")
_Shares = dict[Evidence, "Amount"]


class Amount(Struct, frozen=True):
    """Regular files, each inode once, and their bytes."""

    files: int = 0
    bytes: int = 0

    def plus(self, size: int) -> "Amount":
        return Amount(self.files + 1, self.bytes + size)


class PackageShare(Struct, frozen=True, kw_only=True):
    """A package of the full image, `needed` if a file of it is kept, and how much is kept by which evidence."""

    manager: str
    name: str
    version: str
    architecture: str
    needed: bool
    evidence: dict[Evidence, Amount]

    @property
    def kept_bytes(self) -> int:
        return sum(amount.bytes for kind, amount in self.evidence.items() if kind != "dropped")


class Unexercised(Struct, frozen=True):
    """A kept file that no run used, and the first reason for it."""

    path: str
    bytes: int
    reason: str


class Report(Struct, frozen=True, kw_only=True):
    """What is kept and left out of an image: the gap report.

    `evidence` and `folders` have an amount for each kind of evidence that there is; `folders` are the two uppermost
    components of paths. `unexercised` are the kept files that no run used, the largest first; `absent` are paths of
    the trace that the image does not have.
    """

    full: Amount
    slim: Amount
    evidence: dict[Evidence, Amount]
    folders: dict[str, dict[Evidence, Amount]]
    packages: tuple[PackageShare, ...]
    unexercised: tuple[Unexercised, ...]
    absent: tuple[str, ...] = ()
    dropped_by_option: tuple[str, ...] = ()


def report(full: Rootfs, selection: Selection) -> Report:
    """The report on what a selection keeps of the full tree."""
    evidence: _Shares = {}
    folders: dict[str, _Shares] = {}
    owners: dict[Package, _Shares] = {package: {} for package in selection.packages.packages}
    unexercised: list[Unexercised] = []
    for place, entry in full.items():
        if not isinstance(entry, File):
            continue
        kind, size = _evidence(place, selection.tree), entry.content.size
        _count(evidence, kind, size)
        _count(folders.setdefault(quoted(_folder(place)), {}), kind, size)
        owner = selection.packages.owner(place)
        if owner is not None:
            _count(owners.setdefault(owner, {}), kind, size)
        if kind in ("linked only", "other reasons") and not _is_record(selection.tree[place]):
            unexercised.append(Unexercised(quoted(place), size, _reason(selection.tree[place])))
    return Report(
        full=_total(full),
        slim=_total(selection.tree),
        evidence=_ordered(evidence),
        folders={folder: _ordered(shares) for folder, shares in sorted(folders.items())},
        packages=tuple(_share(package, shares) for package, shares in sorted(owners.items())),
        unexercised=tuple(sorted(unexercised, key=lambda each: (-each.bytes, each.path))),
        absent=tuple(map(quoted, selection.use.absent)),
        dropped_by_option=tuple(map(quoted, selection.dropped)),
    )


def _count(shares: _Shares, kind: Evidence, size: int) -> None:
    shares[kind] = shares.get(kind, Amount()).plus(size)


def _ordered(shares: _Shares) -> _Shares:
    return {kind: shares[kind] for kind in KINDS if kind in shares}


def _share(package: Package, shares: _Shares) -> PackageShare:
    return PackageShare(
        manager=package.manager,
        name=package.name,
        version=package.version,
        architecture=package.architecture,
        needed=any(kind != "dropped" for kind in shares),
        evidence=_ordered(shares),
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


def _is_record(entry: Entry) -> bool:
    return any(origin == RECORDS for origin in entry.origins)


def _reason(entry: Entry) -> str:
    origin = entry.origins[0] if entry.origins else None
    return shown(f"{origin.reason} {origin.detail}") if origin else ""


def _folder(place: TreePath) -> TreePath:
    """The two uppermost folders of a file's path."""
    parts = paths.parent(place).split("/")
    return TreePath("/".join(parts[:3])) or ROOT


def _total(tree: Rootfs) -> Amount:
    amount = Amount()
    for entry in tree.values():
        if isinstance(entry, File):
            amount = amount.plus(entry.content.size)
    return amount

"""How sure it is that a file is needed: no surer than the file that needs it, and as sure as the surest of those."""

from fromscratch.linker.beyond.contract import Confidence
from fromscratch.paths import TreePath

RANKS: tuple[Confidence, ...] = ("possible", "likely", "declared", "certain")
CERTAIN = RANKS.index("certain")


class ConfidenceTracker:
    """The confidence of every selected file, as an index into RANKS, updated as more becomes known."""

    def __init__(self) -> None:
        self._ranks: dict[TreePath, int] = {}
        self._needs: dict[TreePath, list[tuple[TreePath, int]]] = {}  # what each file needs, each with its rank

    def record(self, place: TreePath, by: TreePath | None, rank: int) -> None:
        """`by` needs `place` with this rank; None is the user. A rank that rises raises those of all that is needed."""
        pending = [(place, rank)]
        if by is not None:
            self._needs.setdefault(by, []).append((place, rank))
            pending = [(place, min(rank, self._ranks.get(by, CERTAIN)))]
        while pending:
            place, rank = pending.pop()
            if rank > self._ranks.get(place, -1):
                self._ranks[place] = rank
                pending += [(needed, min(rank, each)) for needed, each in self._needs.get(place, ())]

    def of(self, place: TreePath) -> Confidence:
        """The confidence in the need for a selected file."""
        return RANKS[self._ranks[place]]

    def speculative(self) -> list[TreePath]:
        """The files that may never be opened: their rank is below "declared"."""
        return [place for place, rank in self._ranks.items() if rank < RANKS.index("declared")]

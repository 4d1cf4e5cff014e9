"""How sure it is that a file is needed: no surer than what wants it, and as sure as the surest of those."""

from fromscratch.linker.beyond.contract import Confidence
from fromscratch.paths import TreePath

RANKS: tuple[Confidence, ...] = ("possible", "likely", "declared", "certain")
CERTAIN = RANKS.index("certain")


class Sureness:
    """The rank of every file that is taken, kept right as more is found out."""

    def __init__(self) -> None:
        self._ranks: dict[TreePath, int] = {}
        self._wants: dict[TreePath, list[tuple[TreePath, int]]] = {}  # what each file wants, and how surely

    def wanted(self, place: TreePath, by: TreePath | None, rank: int) -> None:
        """`by` wants `place`, as surely as `rank` says; None is the user.

        What turns out surer makes all that it wants so.
        """
        pending = [(place, rank)]
        if by is not None:
            self._wants.setdefault(by, []).append((place, rank))
            pending = [(place, min(rank, self._ranks.get(by, CERTAIN)))]
        while pending:
            place, rank = pending.pop()
            if rank > self._ranks.get(place, -1):
                self._ranks[place] = rank
                pending += [(wanted, min(rank, surely)) for wanted, surely in self._wants.get(place, ())]

    def of(self, place: TreePath) -> Confidence:
        """The word for it."""
        return RANKS[self._ranks[place]]

    def guessed(self) -> list[TreePath]:
        """What may never be opened: neither certain nor declared."""
        return [place for place, rank in self._ranks.items() if rank < RANKS.index("declared")]

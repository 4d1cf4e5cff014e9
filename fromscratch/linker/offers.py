"""The order of offers: first those without which a program is likeliest to fail."""

from collections.abc import Iterable

from fromscratch.linker.beyond.contract import Offer
from fromscratch.linker.confidence import RANKS

SHOWN = 10
"""How many are listed for a person who did not ask for all of them."""

_GENERIC = frozenset({"package"})  # such an offer comes with any program, whatever that does


def by_need(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """The offers, the likeliest to be needed first and those that come with any program last; else in their order."""
    return tuple(sorted(offers, key=lambda offer: (offer.kind in _GENERIC, -RANKS.index(offer.confidence))))

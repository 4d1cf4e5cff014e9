"""The names that a mistyped word probably means, for "did you mean" in messages."""

from collections.abc import Iterable


def nearest(word: str, names: Iterable[str], *, count: int = 1, cutoff: float = 0.6) -> list[str]:
    """Up to `count` of these names that are like the word, the likest first.

    `cutoff` is how alike they must be, from 0 for anything to 1 for equal.
    """
    from difflib import get_close_matches

    return get_close_matches(word, list(names), count, cutoff)

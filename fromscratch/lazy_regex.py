"""Regular expressions that are compiled when they are first used: a call uses few of those in the modules it loads."""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, which takes longer to load than a whole `closure`
if TYPE_CHECKING:
    from re import Pattern
    from typing import Any, AnyStr


class _Lazy:
    """Has the methods of the compiled expression."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        import re

        found = getattr(re.compile(self._text, self._flags), name)
        setattr(self, name, found)  # later look-ups find the attribute and skip __getattr__
        return found


def lazy_regex(text: AnyStr, flags: int = 0) -> Pattern[AnyStr]:
    """As `re.compile`, whose errors come with the first use."""
    lazy: Any = _Lazy(text, flags)
    return lazy  # type: ignore[no-any-return]

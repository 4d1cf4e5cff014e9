"""What the user named, and which of an image's files somebody may start."""

from collections import Counter

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.paths import TreePath

_MODULES = lazy_regex(r"/(python[\d.]*|(site|dist)-packages|perl5?|perl-base|ruby|gems|node_modules|nodejs)/")
_SOURCE = lazy_regex(r"\.(py|p[lm]|rb|[cm]?js|sh)$")


class Asked:
    """What was asked for in a scene, to be told from what came along with it."""

    def __init__(self, scene: Scene) -> None:
        self._asked = frozenset(scene.asked)
        self._beside = Counter(paths.parent(place) for place in self._asked)

    def holds(self, place: TreePath) -> bool:
        """Whether a file was asked for, by itself or with a folder."""
        return place in self._asked or any(above in self._asked for above in paths.ancestors(place))

    def is_alone(self, place: TreePath) -> bool:
        """Whether it is all that was asked for."""
        return self._asked == {place}

    def is_module(self, place: TreePath) -> bool:
        """Whether a file lies where a language has its modules, which are imported and not started.

        Many of them carry a `#!` line all the same, and the mode for it. A program among them is one if it was
        asked for without the rest of its folder, or does not look like a source.
        """
        if not _MODULES.search(place):
            return False
        if place not in self._asked:
            return True
        return self._beside[paths.parent(place)] > 1 and _SOURCE.search(place) is not None

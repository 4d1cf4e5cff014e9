"""The files that the user requested, as opposed to those that were added for them."""

from collections import Counter

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.paths import TreePath

_MODULES = lazy_regex(r"/(python[\d.]*|(site|dist)-packages|perl5?|perl-base|ruby|gems|node_modules|nodejs)/")
_SOURCE = lazy_regex(r"\.(py|p[lm]|rb|[cm]?js|sh)$")


class Requested:
    """The requested files and folders of a scene."""

    def __init__(self, scene: Scene) -> None:
        self._requested = frozenset(scene.requested)
        self._beside = Counter(paths.parent(place) for place in self._requested)

    def covers(self, place: TreePath) -> bool:
        """Whether a file was requested, by itself or as part of a folder."""
        return place in self._requested or any(above in self._requested for above in paths.ancestors(place))

    def is_only(self, place: TreePath) -> bool:
        """Whether it is the only thing requested."""
        return self._requested == {place}

    def is_module(self, place: TreePath) -> bool:
        """Whether a file lies in a folder of a language's modules, which are imported and not executed.

        Many modules have a `#!` line and an executable mode all the same. A file there counts as a program if it was
        requested without the rest of its folder, or if its suffix is not that of a source.
        """
        if not _MODULES.search(place):
            return False
        if place not in self._requested:
            return True
        return self._beside[paths.parent(place)] > 1 and _SOURCE.search(place) is not None

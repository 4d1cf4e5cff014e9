"""The types of finders: functions that find the files a program uses at run time, which linking does not show.

A finder gets a scene (what the image holds so far, and the root that more may come from) and yields what else the
program needs. `linker.gather` adds that with its closure, and calls the finders again until nothing new is found. So
a finder is a pure function, and the order of finders does not matter.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Literal, TypeVar

from msgspec import Struct

from fromscratch.advice import Setting
from fromscratch.formats.elf.headers import Elf
from fromscratch.model import view as views
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.view import View
from fromscratch.paths import TreePath
from fromscratch.record import PartlyShown

Confidence = Literal["certain", "declared", "likely", "possible"]
"""certain: the program cannot start without it (DT_NEEDED, PT_INTERP, #!); declared: its author says so (a dlopen
note, nsswitch.conf, an import); likely: its content shows it (a soname in its data); possible: programs of the kind
often use it."""

_T = TypeVar("_T")
_MAX_READ = 8 << 20


class NeededFile(Struct, frozen=True):
    """A finding: a file, or with `whole` a folder and all below it, that a file of the image will open.

    `path` is spelled as it will be opened, so that the symlinks on its way are selected too. With `library` it is a
    soname that the loader's rules find for the object `by`. `by` is the place of the file that needs it, and
    `detail` the rest of the phrase that `why` prints after its reason: "needed by" and then
    "/usr/bin/git (DT_NEEDED libz.so.1)". `kind` names the finder. A file that does not exist is missing, unless it
    is `optional`.
    """

    path: str
    by: TreePath
    detail: str
    kind: str
    confidence: Confidence
    reason: Literal["needed by", "interpreter of", "opened by"] = "opened by"
    library: bool = False
    whole: bool = False
    optional: bool = False


class GeneratedFile(PartlyShown, frozen=True):
    """A finding: a file to write into the image, such as an index, since that of the root does not fit the image."""

    unshown = ("data",)

    path: TreePath
    data: bytes
    detail: str
    kind: str


class Offer(Struct, frozen=True):
    """A finding that is selected only with this `setting`. `what` is one line about it, `size` in bytes.

    `confidence` says how likely the program fails without it.
    """

    what: str
    setting: Setting
    kind: str
    size: int = 0
    confidence: Confidence = "possible"


class FinderWarning(Struct, frozen=True):
    """A finding that is a message to the user: a file that cannot be read, a program that will behave differently."""

    text: str
    kind: str


Finding = NeededFile | GeneratedFile | Offer | FinderWarning


class Scene(Struct, frozen=True, kw_only=True):
    """What a finder looks at: the files that the image holds so far, and the root that more may come from.

    `view` is that root. `objects` are the selected ELF files and `files` all other selected regular files, both by
    their place in the view (no symlink on the way). `requested` are the places of what the user named. `imports` gives
    the undefined dynamic symbols of an object by its place. `speculative` are the files that may never be opened: a
    finder makes no guesses from what is itself a guess. `below` is the root that the selection is laid over, if there
    is one: its files are in the image anyway. `path_in_root` gives the path by which a user can name a place.
    `remembered` is what `once` found before, in any scene of the same root.
    """

    view: View
    objects: Mapping[TreePath, Elf]
    files: frozenset[TreePath]
    requested: tuple[TreePath, ...]
    imports: Callable[[TreePath], frozenset[str]]
    speculative: frozenset[TreePath] = frozenset()
    below: View | None = None
    path_in_root: Callable[[TreePath], str] = str
    remembered: dict[Hashable, Any] = {}

    def once(self, key: Hashable, find: Callable[[], _T]) -> _T:
        """What `find` returns, called once for each key, which names all that the answer depends on but the root."""
        if key not in self.remembered:
            self.remembered[key] = find()
        found: _T = self.remembered[key]
        return found

    def has(self, path: str) -> bool:
        """Whether the image already has a file at `path`, so that no finder needs to write it."""
        place = views.place(self.view, path)
        return place is not None and (
            place in self.files
            or place in self.objects
            or (self.below is not None and self.below.get(place) is not None)
        )

    def read(self, path: str) -> bytes | None:
        """The bytes that `path` leads to; None if that is not a regular file, or one of more than 8 MiB."""
        entry = views.look(self.view, path)
        if not isinstance(entry, File) or entry.content.size > _MAX_READ:
            return None
        return read(entry.content)

    def size(self, path: str) -> int:
        """The size of the file that `path` leads to; 0 if it is not a regular file."""
        entry = views.look(self.view, path)
        return entry.content.size if isinstance(entry, File) else 0

    def importing(self, *symbols: str) -> Iterator[TreePath]:
        """The objects that import one of these symbols, in order."""
        names = frozenset(symbols)
        for place in self.objects:
            if names & self.imports(place):
                yield place


Finder = Callable[[Scene], Iterator[Finding]]

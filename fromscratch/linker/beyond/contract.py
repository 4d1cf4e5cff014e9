"""What a program uses though no linker wrote it down: the types that every finder of such files speaks.

A finder looks at a scene (what the image holds so far, and the root that more may be taken from) and
says what else is wanted. The driver takes that, follows its links, and asks again until nothing new
is said; so a finder is a pure function, tells the same of the same scene, and needs no order among its kind.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

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
"""certain: the program cannot do without (DT_NEEDED, PT_INTERP, #!); declared: its author says so (a dlopen
note, nsswitch.conf, an import); likely: read off its content (a soname in its data); possible: a habit of the field."""

_MAX_READ = 8 << 20


class Want(Struct, frozen=True):
    """A file, or with `whole` a folder and all below it, that something in the image will look for.

    `path` is spelled as it will be opened, so that the symlinks on its way come along. With `library` it is a
    soname that the loader's rules find for the object `by`. `by` is the place of the file that wants it, and
    `detail` the rest of the phrase that `why` prints after its reason: "needed by" and then
    "/usr/bin/git (DT_NEEDED libz.so.1)". `kind` is the finder's word. What is not there is missing,
    unless it is `optional`.
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


class Made(PartlyShown, frozen=True):
    """A file that we write, since none of the root is right for what the image holds: an index, a configuration."""

    unshown = ("data",)

    path: TreePath
    data: bytes
    detail: str
    kind: str


class Offer(Struct, frozen=True):
    """What could be of use and is only taken with this `setting`: `what` is one line for a person, `size` in bytes."""

    what: str
    setting: Setting
    kind: str
    size: int = 0


class Warned(Struct, frozen=True):
    """What the user should know: a file that could not be followed, a program that will behave otherwise."""

    text: str
    kind: str


Finding = Want | Made | Offer | Warned


class Scene(Struct, frozen=True, kw_only=True):
    """`view` is the root that files may be taken from. `objects` are the ELF files taken so far and `files` all
    other regular files, both by the place that they have in the view (no symlink on the way). `asked` are the places
    of what the user named. `imports` gives the undefined dynamic symbols of an object by its place, and
    `read` the bytes of a small file by any path, or None. `guessed` is what may never be opened: what only a
    guess has brought should bring no guesses in its turn. `below` is the root that all is laid over, if there is one:
    what stands in it is in the image whether it is taken or not. `named` gives the path by which a user may ask for
    what stands at a place."""

    view: View
    objects: Mapping[TreePath, Elf]
    files: frozenset[TreePath]
    asked: tuple[TreePath, ...]
    imports: Callable[[TreePath], frozenset[str]]
    guessed: frozenset[TreePath] = frozenset()
    below: View | None = None
    named: Callable[[TreePath], str] = str

    def has(self, path: str) -> bool:
        """Whether the image has something at `path` without any finder: such things are used, and not written again."""
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

    def importing(self, *symbols: str) -> Iterator[TreePath]:
        """The objects that import one of these symbols, in order."""
        wanted = frozenset(symbols)
        for place in self.objects:
            if wanted & self.imports(place):
                yield place


Finder = Callable[[Scene], Iterator[Finding]]

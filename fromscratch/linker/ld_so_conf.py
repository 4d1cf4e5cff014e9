"""The directories that a root's /etc/ld.so.conf names."""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.ldso import conf as ldconf
from fromscratch.limits import LOOKED_AT, Budget
from fromscratch.model import view as views
from fromscratch.model.content import read
from fromscratch.model.entry import Directory, File
from fromscratch.model.view import View

LD_SO_CONF = "/etc/ld.so.conf"
_LOCAL = "/usr/local/lib"

_MAX_SIZE = 1 << 20


def conf_directories(view: View, *, within: View | None = None) -> tuple[str, ...]:
    """The directories that a root's ld.so.conf names, in ldconfig's order, spelled as there, each once.

    They are looked up in `within`, if that is another root than the one that has the file.
    Of two paths to the same directory the first counts; one that leads to no directory, or is not absolute, is left
    out. A file that includes itself, directly or not, is read once.
    Raises FormatError for a file of more than 1 MiB and for includes that look at too many names, and ImageError for
    a file that cannot be read.
    """
    found: dict[str, str] = {}
    holder = view if within is None else within
    for directory in _listed(view, LD_SO_CONF):
        place = views.place(holder, directory) if directory.startswith("/") else None
        if place is not None and isinstance(views.look(holder, place), Directory):
            found.setdefault(place, directory)
    return tuple(found.values())


def usual_directories(staged: View, below: View) -> tuple[str, ...]:
    """What to search in a staged install tree over a root without any ld.so.conf, such as a cross compiler's.

    It is /usr/local/lib, which distributions name in theirs, and where most build systems install by default.
    """
    if views.look(below, LD_SO_CONF) is not None or not isinstance(views.look(staged, _LOCAL), Directory):
        return ()
    return (_LOCAL,)


def _listed(view: View, file: str) -> Iterator[str]:
    """The directories of a file and of those it includes, in the order in which they are read."""
    seen: set[str] = set()
    budget = Budget(LOOKED_AT, f"the includes of {file}", "names")
    pending = [_lines(view, file, seen)]
    while pending:
        including, line = next(pending[-1], ("", None))
        match line:
            case None:
                pending.pop()
            case ldconf.Listed(directory):
                yield directory
            case ldconf.Include(patterns):
                pending.append(_included(view, including, patterns, seen, budget))


def _included(
    view: View, including: str, patterns: tuple[str, ...], seen: set[str], budget: Budget
) -> Iterator[tuple[str, ldconf.Line]]:
    folder = including.rpartition("/")[0]
    for pattern in patterns:
        full_pattern = pattern if pattern.startswith("/") else f"{folder}/{pattern}"
        for path in views.glob(view, full_pattern, budget.spend):
            yield from _lines(view, path, seen)


def _lines(view: View, file: str, seen: set[str]) -> Iterator[tuple[str, ldconf.Line]]:
    """The lines of a file, each with its path as the includes spell it; none if it was read before."""
    place = views.place(view, file)
    entry = views.look(view, place) if place is not None and place not in seen else None
    if place is None or not isinstance(entry, File):
        return
    seen.add(place)
    if entry.content.size > _MAX_SIZE:
        raise FormatError(f"{file} has {entry.content.size} bytes", "a list of directories is shorter; fix the file")
    for line in ldconf.parse(paths.decode(read(entry.content))):
        yield file, line

"""Scenes for the tests of finders: made of a tree, or of the lines that describe one, and grown by what finders want.

A file that begins with ELF's magic number is an object, whether or not the rest of it is ELF; every
other regular file is a plain file.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import ET_DYN, MAGIC, Elf, read_elf
from fromscratch.linker.beyond.contract import Finder, FinderWarning, Finding, GeneratedFile, NeededFile, Offer, Scene
from fromscratch.model import view as views
from fromscratch.model.content import Content
from fromscratch.model.entry import File
from fromscratch.model.view import View
from fromscratch.paths import TreePath, tree_path
from tests.trees import tree

_ROUNDS = 50


def elf(interpreter: str | None = None, *needed: str, soname: str | None = None, machine: int = 62) -> Elf:
    """An object of which only this much matters; x86-64 unless said otherwise."""
    return Elf(
        64, False, machine, 0, ET_DYN, 0, interpreter, soname, needed, None, None, (), (), 0, (), ()
    )  # fmt: skip


def scene(
    root: View | str,
    *asked: str,
    objects: Mapping[str, Elf] | None = None,
    imports: Mapping[str, Iterable[str]] | None = None,
) -> Scene:
    """The scene of an image that holds what was `asked` for, files or folders of the root by any path.

    `objects` says what some ELF files are, for trees whose files are ELF by their first bytes only;
    `imports` gives the undefined symbols of objects. Raises KeyError for a path that leads nowhere.
    """
    view = tree(root) if isinstance(root, str) else root
    known = {tree_path(path): found for path, found in (objects or {}).items()}
    symbols = {tree_path(path): frozenset(found) for path, found in (imports or {}).items()}
    start = Scene(
        view=view,
        objects={},
        files=frozenset(),
        requested=tuple(_place(view, path) for path in asked),
        imports=lambda path: symbols.get(path, frozenset()),
    )
    return _with(start, [place for top in start.requested for place in views.below(view, top)], known)


def grown(start: Scene, *wants: Finding, objects: Mapping[str, Elf] | None = None) -> Scene:
    """The scene with what was wanted taken into it; sonames and what is not there are left out."""
    known = {tree_path(path): found for path, found in (objects or {}).items()}
    return _with(start, [place for want in wants for place in _places(start.view, want)], known)


def settled(start: Scene, *finders: Finder, objects: Mapping[str, Elf] | None = None) -> tuple[Scene, list[Finding]]:
    """The scene when the finders have nothing new to say, and all that they said, each once, in their order."""
    listing: dict[Finding, None] = {}
    now = start
    for _round in range(_ROUNDS):
        found = [finding for find in finders for finding in find(now)]
        listing.update(dict.fromkeys(found))
        then = grown(now, *found, objects=objects)
        if (then.files, set(then.objects)) == (now.files, set(now.objects)):
            return now, list(listing)
        now = then
    raise AssertionError(f"the finders still want more after {_ROUNDS} rounds")


def paths_needed(findings: Iterable[Finding]) -> list[str]:
    """The paths of all that is wanted, in the order told."""
    return [finding.path for finding in findings if isinstance(finding, NeededFile)]


def listing(findings: Iterable[Finding]) -> str:
    """A line a finding: kind and confidence, what is wanted, and why."""
    return "\n".join(_line(finding) for finding in findings)


def _line(finding: Finding) -> str:
    if not isinstance(finding, NeededFile):
        match finding:
            case GeneratedFile():
                return f"generated {finding.kind} {finding.path}"
            case Offer():
                return f"offer {finding.kind} {finding.what}"
            case FinderWarning():
                return f"warning {finding.kind} {finding.text}"
    marks = "".join(f" {mark}" for mark, on in {"library": finding.library, "whole": finding.whole}.items() if on) + (
        " optional" if finding.optional else ""
    )
    return f"{finding.kind} {finding.confidence}{marks} {finding.path} {finding.reason} {finding.detail}"


def _place(view: View, path: str) -> TreePath:
    found = views.place(view, path)
    if found is None:
        raise KeyError(path)
    return found


def _places(view: View, finding: Finding) -> Iterator[TreePath]:
    if not isinstance(finding, NeededFile) or finding.library:
        return
    place = views.place(view, finding.path)
    if place is not None and finding.whole:
        yield from views.below(view, place)
    elif place is not None:
        yield place


def _with(start: Scene, places: list[TreePath], known: Mapping[TreePath, Elf]) -> Scene:
    objects, files = dict(start.objects), set(start.files)
    for place in places:
        if place in objects or place in files:
            continue
        entry = views.look(start.view, place)
        if isinstance(entry, File):
            read = known.get(place) or _elf(entry.content)
            if read is None:
                files.add(place)
            else:
                objects[place] = read
    return replace(start, objects=objects, files=frozenset(files))


def _elf(content: Content) -> Elf | None:
    with content.open() as stream:

        def read(offset: int, size: int) -> bytes:
            stream.seek(offset)
            return stream.read(size)

        if read(0, 4) != MAGIC:
            return None
        try:
            return read_elf(read)
        except FormatError:
            return elf()

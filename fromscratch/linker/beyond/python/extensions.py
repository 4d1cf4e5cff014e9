"""The modules that a compiled extension imports, by the names in its constant data.

`PyImport_ImportModule("datetime")` leaves the name there, between bytes of zero, and so does Cython for all that it
imports. Many other strings look like such a name, so a word counts only if it names a module and hardly anything else.
"""

from functools import lru_cache

from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.rodata import spans
from fromscratch.model import view as views
from fromscratch.model.content import Content
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

_MAX_DATA = 64 << 20
_IMPORTERS = frozenset(
    {
        "PyImport_Import",
        "PyImport_ImportModule",
        "PyImport_ImportModuleNoBlock",
        "PyImport_ImportModuleLevel",
        "PyImport_ImportModuleLevelObject",
        "PyCapsule_Import",
    }
)
_DOTTED = lazy_regex(rb"[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){1,8}")
# Words that strings of programs have for other reasons.
_AMBIGUOUS = frozenset(
    b"ast bdb cgi chunk cmd code codeop crypt curses dis email formatter html http imp keyword logging mailbox nt"
    b" optparse parser pipes profile resource secrets select site string symbol symtable tabnanny test this token"
    b" tokenize trace turtle tty unittest uu venv wave xml".split()
)


def imported_names(scene: Scene, place: TreePath, known: frozenset[bytes]) -> tuple[str, ...]:
    """What the extension at this place may import: of the `known` words those in its constant data, and dotted names.

    None of an extension that is not selected yet, or that calls no function that imports.
    """
    if place not in scene.objects or not _IMPORTERS & scene.imports(place):
        return ()
    entry = views.look(scene.view, place)
    if not isinstance(entry, File):
        return ()
    return _names(entry.content, tuple(spans(scene.objects[place])), known - _AMBIGUOUS)


@lru_cache(maxsize=4096)
def _names(content: Content, places: tuple[tuple[int, int], ...], known: frozenset[bytes]) -> tuple[str, ...]:
    """The words and the dotted names in some parts of a file, cached for each round of finders."""
    found = set[bytes]()
    with content.open() as stream:
        for offset, size in places:
            stream.seek(offset)
            pieces = set(stream.read(min(size, _MAX_DATA)).split(b"\0"))
            found |= pieces & known
            found.update(each for each in pieces if b"." in each and len(each) < 200 and _DOTTED.fullmatch(each))
    return tuple(sorted(name.decode() for name in found))

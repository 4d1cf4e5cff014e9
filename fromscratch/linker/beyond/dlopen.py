"""Finder of the libraries that objects open by name while they run.

Three sources, the most certain first: what glibc itself opens for an imported function; the
notes that authors write into an object (systemd.io/ELF_DLOPEN_METADATA); and strings that look like a
soname in the constant data of objects that import a function such as dlopen(3).
"""

from collections.abc import Iterable, Iterator

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import PT_NOTE, Elf
from fromscratch.formats.elf.notes import DlopenNote, dlopen_notes
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.glibc import library as glibc
from fromscratch.linker.beyond.rodata import reading, texts
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

KIND = "dlopen"

# nptl/pthread_cancel.c, nptl/pthread_exit.c (thrd_exit ends there too) and debug/backtrace.c load the unwinder.
UNWINDING = ("pthread_cancel", "pthread_exit", "thrd_exit", "backtrace")
UNWINDER = "libgcc_s.so.1"
# inet/idna.c, for AI_IDN and NI_IDN
_RESOLVING = ("getaddrinfo", "getnameinfo")
_IDN = "libidn2.so.0"

_OPENERS = [
    "dlopen",
    "dlmopen",
    "__libc_dlopen_mode",
    "lt_dlopen",
    "lt_dlopenext",
    "lt_dlopenadvise",
    "g_module_open",
    "g_module_open_full",
    "SDL_LoadObject",
    "apr_dso_load",
    "uv_dlopen",
    "PR_LoadLibrary",
    "PR_LoadLibraryWithFlags",
    "QLibrary_load",
]
_NAME = lazy_regex(
    rb"\0(?=[/A-Za-z0-9_])((?:/[^\0\s%$*:;,\"'<>|()]{1,4000}/)?[A-Za-z0-9_][\w.+-]{0,200}\.so(?:\.[0-9]+)*)(?=\0)"
)
_NEVER = lazy_regex(
    r"ld(64|-linux[\w-]*|-musl-[\w-]+)?\.so\.[0-9]+|libc\.so(\.[0-9.]+)?|libc\.musl-.*|linux-(vdso|gate)\d*\.so.*"
)


def find(
    scene: Scene,
    *,
    priorities: tuple[str, ...] = ("required", "recommended"),
    strings: bool = True,
    idn: bool = False,
) -> Iterator[Finding]:
    """Notes of these `priorities` are taken, others offered, where their library is there. `strings` takes what looks
    like a soname, and `idn` libidn2 for glibc's getaddrinfo."""
    yield from _by_glibc(scene, idn)
    for place, elf in scene.objects.items():
        noted = _notes(scene, place, elf)
        if isinstance(noted, FinderWarning):
            yield noted
            noted = ()
        for note in noted:
            yield from _from_note(scene, place, note, priorities)
        if strings and elf.dynamic and place not in scene.speculative:
            yield from _strings(scene, place, elf, {soname for note in noted for soname in note.sonames})


def _by_glibc(scene: Scene, idn: bool) -> Iterator[Finding]:
    libraries = glibc.found_in(scene)
    for libc in libraries:
        bits = scene.objects[libc.place].bits
        for symbol in UNWINDING:
            users = [place for place in glibc.users(scene, symbol) if scene.objects[place].bits == bits]
            if users:
                detail = f"{libc.place} (loads {UNWINDER} for {symbol}, which {users[0]} calls)"
                yield NeededFile(UNWINDER, libc.place, detail, KIND, "certain", "needed by", library=True)
                break
    resolving = glibc.users(scene, *_RESOLVING) if libraries else []
    if not resolving:
        return
    libc = libraries[0]
    if idn:
        detail = f"{libc.place} (loads {_IDN} for host names beyond ASCII)"
        yield NeededFile(_IDN, libc.place, detail, KIND, "possible", library=True)
    elif not any(elf.soname == _IDN for elf in scene.objects.values()):
        what = f"{_IDN}, which glibc loads when a program asks getaddrinfo for host names beyond ASCII"
        yield from _offered(scene, _IDN, what)


def _offered(scene: Scene, soname: str, what: str) -> Iterator[Offer]:
    """An offer of a library, if it is in a folder that the image has other libraries from."""
    for folder in _folders(scene):
        path = paths.join(folder, soname)
        entry = views.look(scene.view, path)
        if isinstance(entry, File) and not scene.has(path):
            yield Offer(what, Setting("add", scene.path_in_root(path)), KIND, entry.content.size)
            return


def _notes(scene: Scene, place: TreePath, elf: Elf) -> tuple[DlopenNote, ...] | FinderWarning:
    if not any(segment.type == PT_NOTE for segment in elf.segments):
        return ()
    with reading(scene, place) as read:
        try:
            return dlopen_notes(elf, read)
        except FormatError as error:
            return FinderWarning(f"the notes of {place} cannot be read: {error.message}", KIND)


def _from_note(scene: Scene, place: TreePath, note: DlopenNote, priorities: tuple[str, ...]) -> Iterator[Finding]:
    """The library of a note: its first soname in the image, else its first in a folder with libraries of the image."""
    present = {elf.soname for elf in scene.objects.values()}
    near = {name for folder in _folders(scene) for name in views.names(scene.view, folder)}
    soname = next(
        (name for known in (present, near) for name in note.sonames if name in known),
        note.sonames[0],
    )
    purpose = ", ".join(filter(None, (note.feature, note.description)))
    if note.priority in priorities:
        detail = f"{place} ({note.priority} by its dlopen note{f' for {purpose}' if purpose else ''})"
        optional = note.priority != "required"
        yield NeededFile(soname, place, detail, KIND, "declared", library=True, optional=optional)
    elif soname not in present:
        what = f"{soname}, which {place} can use{f' for {purpose}' if purpose else ''} ({note.priority})"
        yield from _offered(scene, soname, what)


def _folders(scene: Scene) -> list[TreePath]:
    return list(dict.fromkeys(paths.parent(place) for place, elf in scene.objects.items() if elf.soname))


def _strings(scene: Scene, place: TreePath, elf: Elf, noted: Iterable[str]) -> Iterator[Finding]:
    openers = sorted(scene.imports(place).intersection(_OPENERS))
    if not openers or glibc.is_part(elf.soname):
        return
    own = {elf.soname, paths.name(place), *elf.needed, *noted}
    for text in sorted(texts(scene, place, _NAME)):
        name = text.rpartition("/")[2]
        if name in own or _NEVER.fullmatch(name):
            continue
        if text != name and views.place(scene.view, text) is None:
            continue
        detail = f"{place} (calls {openers[0]} and holds the string {text})"
        yield NeededFile(text, place, detail, KIND, "likely", library=True, optional=True)

"""The paths that an object names in its constant data: whole, or in two parts that it puts together."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from posixpath import normpath

from msgspec import Struct

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.rodata import texts
from fromscratch.model import view as views
from fromscratch.paths import TreePath, encode

# Folders of a root that no image takes anything from: made anew in each container, or a person's own.
_NOT_CONSTANT = frozenset({"dev", "proc", "sys", "tmp", "run", "home", "root", "mnt", "media", "boot", "lost+found"})
_TOKEN = lazy_regex(rb"\0(?=[%/.A-Za-z])(?:%s)?([/.]?[A-Za-z][\w.+/-]{0,200})(?=\0)")
_RELATIVE = lazy_regex(r"(lib|lib64|share|libexec|etc)/[A-Za-z].+")
_ENDING = lazy_regex(r"\.[a-z]{2,6}")
_SOURCE = lazy_regex(r".*\.(c|cc|cpp|cxx|h|hh|hpp|rs|go|in|y|l|am|f90|debug)")
_COMMAND = lazy_regex(rb"(?<![\w./-])(\w[\w.+-]{1,60}) [-%][\w(]")
_OPTION = lazy_regex(rb" [-%][\w(]")
_DASH = lazy_regex("-")
_PREFIX = "/usr"


class Name(Struct, frozen=True):
    """A path that an object names, and how many steps of DT_NEEDED that object is away from a program. A `guess` is put
    together of parts that may not belong together."""

    path: str
    by: TreePath
    depth: int
    guess: bool = False


def literal_paths(scene: Scene, place: TreePath) -> tuple[str, ...]:
    """The existing paths that the object at this place names, each once, in order and without a slash at their end."""
    found: dict[str, None] = {}
    for text in texts(scene, place, _absolute(_tops(scene))):
        for path in _readings(text):
            if path not in found and _exists(scene, path):
                found[path] = None
    return tuple(found)


def composed(scene: Scene, place: TreePath, folders: Iterable[str]) -> Iterator[str]:
    """The existing paths that are made of two texts of an object: one of these folders and what begins with a slash,
    a path and the ending of a file's name; and those that it names without a slash, below the prefix of the system."""
    tokens = texts(scene, place, _TOKEN)
    tails = {tail for text in tokens if text.startswith("/") for tail in _ends(text)}
    for folder in folders:
        for tail in sorted(tails):
            if _exists(scene, folder + tail):
                yield normpath(folder + tail)
    endings = [text for text in tokens if _ENDING.fullmatch(text)]
    for text in texts(scene, place, _absolute(_tops(scene))) if endings else ():
        for path in _readings(text):
            yield from (path + ending for ending in endings if _exists(scene, path + ending))
    for path in (normpath(f"{_PREFIX}/{text}") for text in tokens if _RELATIVE.fullmatch(text)):
        if _exists(scene, path):
            yield path


def twins(scene: Scene, found: Iterable[str]) -> Iterator[str]:
    """The other folders of the applications that these paths belong to: /usr/lib/emacs beside /usr/share/emacs, since
    programs reach one from another, or all of them from a prefix."""
    libraries = dict.fromkeys(paths.parent(place) for place, elf in scene.objects.items() if elf.soname)
    prefixes = [f"{_PREFIX}/{name}" for name in ("lib", "lib64", "libexec", "share")]
    prefixes += [place for place in libraries if place.startswith(f"{_PREFIX}/lib/")]
    applications = (
        path.removeprefix(f"{prefix}/") for path in found for prefix in prefixes if path.startswith(f"{prefix}/")
    )
    for name in dict.fromkeys(each.partition("/")[0] for each in applications):
        yield from (path for path in (f"{prefix}/{name}" for prefix in prefixes) if _exists(scene, path))


def words(scene: Scene, place: TreePath) -> frozenset[str]:
    """The single words among the texts of an object, which may be names of programs: of `collect-ld` also `ld`, since
    linkers keep one copy of two texts of which one is the end of the other."""
    found = [text.rpartition("/")[2] for text in texts(scene, place, _TOKEN)]
    return frozenset(found) | {text[at.end() :] for text in found for at in _DASH.finditer(text)}


def commands(scene: Scene, place: TreePath) -> frozenset[str]:
    """The words that begin a command line in the data of an object: an option follows them."""
    return frozenset(texts(scene, place, _COMMAND, _OPTION))


def _tops(scene: Scene) -> tuple[str, ...]:
    return tuple(name for name in views.names(scene.view, "/") if name not in _NOT_CONSTANT)


@lru_cache(maxsize=8)
def _absolute(tops: tuple[str, ...]) -> re.Pattern[bytes]:
    """What begins with a slash and a folder of the root, and is no part of a longer path or an option's value."""
    top = b"|".join(re.escape(encode(name)) for name in tops) or b"usr"
    return re.compile(rb"(/(?<![\w.*/%~}-]/)(?:" + top + rb")/[^\0-\x20:;\"',<>|()*?\x7f-\xff]{1,400})")


def _readings(text: str) -> Iterator[str]:
    """The path that a text is, or the folder before the first part that is filled in when the program runs."""
    start = min((at for at in map(text.find, "%$@{`") if at >= 0), default=len(text))
    if start < len(text):
        text = text[: text.rindex("/", 0, start)] if "/" in text[:start] else ""
    text = normpath(text.replace("//", "/")) if text else ""
    if text.count("/") > 1 and not _SOURCE.fullmatch(text):
        yield text


def _ends(text: str) -> Iterator[str]:
    """The text from each of its slashes: linkers keep one copy of two texts of which one is the end of the other."""
    at = 0
    while at >= 0:
        yield text[at:]
        at = text.find("/", at + 1)


def _exists(scene: Scene, path: str) -> bool:
    return views.place(scene.view, path) is not None

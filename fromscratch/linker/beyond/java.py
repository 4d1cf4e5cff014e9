"""Finder for Java: the runtime image of a launcher, and the jars that the manifest of a jar names.

Follows the layout of a runtime image (JEP 220) and of a JRE 8 before it; "JAR File Specification", the manifest's
Class-Path.
"""

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import unquote

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.folders import below
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath, decode

KIND = "java"
_MAX_ENTRIES = 200_000
_MAX_MANIFEST = 1 << 20
# For compiling, and for reading the sources of the library.
_SPARED = lazy_regex(r"ct\.sym|src\.zip|.*\.diz|.*\.debuginfo|jar\.binfmt|jvm\.cfg-default")
# These need a display or a sound card, and bring the libraries of X11, GTK or ALSA.
_DESKTOP = lazy_regex(r"lib(awt_xawt|jawt|splashscreen|jsound|jsoundalsa|atk-wrapper)\.so")
_IN_HOME = lazy_regex(r"(.+)/(?:bin/[^/]+|lib/(?:[^/]+/)?(?:server|client|minimal)/libjvm\.so|lib/(?:jli/)?libjli\.so)")
_ROOTS = ("lib", "conf", "release")


def find(scene: Scene, *, desktop: bool = False) -> Iterator[Finding]:
    """All that a launcher of Java opens of its runtime; with `desktop` also what draws windows and plays sound."""
    homes = dict.fromkeys(home for place in scene.objects if (home := _home(scene, place)))
    for home in homes:
        launcher = next(place for place in scene.objects if _home(scene, place) == home)
        spared = []
        for root in _ROOTS:
            files = sorted(_files(scene, f"{home}/{root}"), key=lambda path: not path.endswith("/libjvm.so"))
            for path in files:  # libjvm.so first: the others are loaded into a process that has it
                if not desktop and _DESKTOP.fullmatch(path.rpartition("/")[2]):
                    spared.append(path)
                    continue
                detail, library = f"{launcher} (the runtime of Java)", path.endswith(".so")
                yield NeededFile(path, launcher, detail, KIND, "declared", library=library, optional=True)
        if spared:
            yield Offer(f"windows and sound of {home}", Setting("java", "desktop"), KIND, _size(scene, spared))
    for place in sorted(scene.files, key=paths.sort_key):
        if place.endswith(".jar"):
            yield from _class_path(scene, place)


def _home(scene: Scene, place: TreePath) -> str | None:
    """The runtime image that a launcher in its bin, or its own libjvm.so, belongs to."""
    found = re.fullmatch(
        r"(.+)/(?:bin/[^/]+|lib/(?:[^/]+/)?(?:server|client|minimal)/libjvm\.so|lib/(?:jli/)?libjli\.so)", place
    )
    if found is None:
        return None
    for home in (found[1], f"{found[1]}/jre"):
        for image in ("lib/modules", "lib/rt.jar"):
            if isinstance(views.look(scene.view, f"{home}/{image}"), File):
                return home
    return None


def _files(scene: Scene, path: str) -> Iterator[str]:
    if isinstance(views.look(scene.view, path), File):
        yield path
    yield from below(scene, path, without=lambda name: _SPARED.fullmatch(name) is not None)


def _size(scene: Scene, files: list[str]) -> int:
    entries = (views.look(scene.view, path) for path in files)
    return sum(entry.content.size for entry in entries if isinstance(entry, File))


def _class_path(scene: Scene, place: TreePath) -> Iterator[Finding]:
    """The jars that a jar's manifest names, beside it or by a path from there; java passes over what is not there."""
    folder = paths.parent(place).rstrip("/")
    for url in class_path(_opened(scene, place)):
        path = unquote(url.removeprefix("file:"))
        if "\0" in path or re.match(r"\w+:", path):
            continue
        spelled = path if path.startswith("/") else f"{folder}/{path}"
        if views.place(scene.view, spelled) is not None:
            detail = f"{place} (Class-Path {url})"
            yield NeededFile(spelled, place, detail, KIND, "declared", whole=spelled.endswith("/"), optional=True)


def _opened(scene: Scene, place: TreePath) -> BinaryIO | None:
    entry = views.look(scene.view, place)
    return entry.content.open() if isinstance(entry, File) else None


def class_path(jar: BinaryIO | None) -> list[str]:
    """What the manifest of a jar has under Class-Path; empty for what is not a jar. Closes the file."""
    import zipfile  # slow to import
    import zlib

    # What zipfile raises for files that are damaged, encrypted, compressed in a way that it does not know, or no zip.
    no_jar = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, RuntimeError, EOFError, struct.error)
    if jar is None:
        return []
    with jar:
        try:
            if _entries(jar) > _MAX_ENTRIES:
                return []
            with zipfile.ZipFile(jar) as archive, archive.open("META-INF/MANIFEST.MF") as manifest:
                text = decode(manifest.read(_MAX_MANIFEST))
        except no_jar:
            return []
    unfolded = re.sub(r"\r?\n ", "", text)  # a line that begins with a blank goes on with the one before
    found = re.search(r"(?im)^Class-Path:\s*([^\r\n]*)", unfolded)
    return found[1].split() if found else []


def _entries(jar: BinaryIO) -> int:
    """How many entries the end of a zip file promises, before anything is made of them: APPNOTE, 4.3.16."""
    end = jar.seek(0, 2)
    jar.seek(max(0, end - (1 << 16) - 22))
    tail = jar.read((1 << 16) + 22)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        return 0
    entries, size = int.from_bytes(tail[at + 10 : at + 12], "little"), int.from_bytes(tail[at + 12 : at + 16], "little")
    return max(entries, size // 46)  # an entry has 46 bytes and its name, whatever the count says

"""Finder of the other files of the packages that own the requested files: data, configuration, helper programs.

They are read from the file lists of dpkg and apk. The database of rpm is not read: it is SQLite
or Berkeley DB, whose records are headers of their own format.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from fromscratch import paths
from fromscratch.advice import Setting, advice
from fromscratch.formats.alpine.installed import installed
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.model import view as views
from fromscratch.model.entry import Directory
from fromscratch.paths import TreePath

KIND = "package"

_DPKG = "/var/lib/dpkg/info"
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_RPM = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages")

# Files that no program in an image reads, and translations, which are found by `locales`.
NOT_FOR_PROGRAMS = lazy_regex(
    r"/usr/share/(doc|man|info|locale|help|gtk-doc|doc-base|lintian|bug|menu|bash-completion|zsh|fish)/"
    r"|/etc/bash_completion\.d/"
)
OWNABLE = lazy_regex(r"/(usr/(?!local/)|bin/|sbin/|lib[^/]*/|etc/|opt/|var/)")
_MERGED = lazy_regex(r"/usr(/(?:bin|sbin|lib|lib32|lib64|libx32)/.*)", re.DOTALL)


class Package(Struct, frozen=True):
    """`files` are the paths that it installed, folders too; `owned` those of them that were asked for."""

    name: str
    files: tuple[str, ...]
    owned: tuple[TreePath, ...]


def find(scene: Scene, *, take: bool = False) -> Iterator[Finding]:
    """The files of the owning packages, less documentation and translations: offered, or with `take` taken."""
    requested = [place for place in scene.requested if OWNABLE.match(place)]
    if not requested:
        return
    for package in scene.once((owners, *requested), lambda: tuple(owners(scene, requested))):
        by = package.owned[0]
        useful = list(_useful(scene, package))
        if take:
            for path in useful:
                yield NeededFile(
                    path, by, f"{by} (of the same package, {package.name})", KIND, "possible", optional=True
                )
            continue
        sizes = [scene.size(path) for path in useful if not _is_selected(scene, path)]
        if sizes:
            files = "file" if len(sizes) == 1 else "files"
            what = f"{len(sizes)} other {files} of the package {package.name}, which has {by}"
            yield Offer(what, Setting("package", "true"), KIND, sum(sizes))
    if take and any(views.place(scene.view, path) is not None for path in _RPM):
        text = "the packages of this root are in a database of rpm, which is not read: name files by "
        yield FinderWarning(advice(text, Setting("add")), KIND)


def owners(scene: Scene, requested: Iterable[TreePath]) -> Iterator[Package]:
    """The packages that own these places, by the databases of the root. What none owns is left out."""
    left = {spelled: place for place in requested for spelled in _spellings(place)}
    for name, files in (*_by_dpkg(scene, left), *_by_apk(scene, left)):
        owned = tuple(dict.fromkeys(left[path] for path in files if path in left))
        yield Package(name, files, owned)


def _spellings(place: TreePath) -> list[str]:
    """As a package may name it that does not know of the merged /usr."""
    merged = _MERGED.fullmatch(place)
    return [place, merged[1]] if merged else [place]


def _by_dpkg(scene: Scene, requested: dict[str, TreePath]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """dpkg keeps a list a package. Those with a name like a program's are read first, and all only if they must be."""
    lists = [name for name in views.names(scene.view, _DPKG) if name.endswith(".list")]
    words = {word for place in requested.values() for word in re.findall(r"[a-z]+", paths.name(place).lower())}
    lists.sort(key=lambda name: not any(word in name for word in words))
    left = set(requested.values())
    lines = {path: b"\n" + paths.encode(path) + b"\n" for path in requested}
    for name in lists:
        if not left:
            return
        text = b"\n" + (scene.read(f"{_DPKG}/{name}") or b"")
        found = {requested[path] for path, line in lines.items() if line in text}
        if found:
            left -= found
            lines = {path: line for path, line in lines.items() if requested[path] in left}
            yield name.removesuffix(".list").partition(":")[0], tuple(paths.decode(text).strip("\n").split("\n"))


def _by_apk(scene: Scene, requested: dict[str, TreePath]) -> Iterator[tuple[str, tuple[str, ...]]]:
    raw = next((raw for raw in map(scene.read, _APK) if raw is not None), b"")
    for found in installed(raw):
        if any(path in requested for path in found.files):
            yield found.package.name, found.files


def _useful(scene: Scene, package: Package) -> Iterator[str]:
    """The files of a package that are there, less those that are for people to read."""
    for path in package.files:
        if path.startswith("/") and not NOT_FOR_PROGRAMS.match(path):
            entry = views.look(scene.view, path)
            if entry is not None and not isinstance(entry, Directory):
                yield path


def _is_selected(scene: Scene, path: str) -> bool:
    place = views.place(scene.view, path)
    return place in scene.files or place in scene.objects

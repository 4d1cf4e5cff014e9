"""Finder of the other files of the packages that own the requested files: data, configuration, helper programs.

The database of rpm is not read: it is SQLite or Berkeley DB, whose records are headers of their own format.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from fromscratch.advice import Setting, advice
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.linker.beyond.package_database.database import Packages
from fromscratch.model import view as views
from fromscratch.model.entry import Directory
from fromscratch.paths import TreePath

KIND = "package"

_RPM = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages")

# Files that no program in an image reads, and translations, which are found by `locales`.
NOT_FOR_PROGRAMS = lazy_regex(
    r"/usr/share/(doc|man|info|locale|help|gtk-doc|doc-base|lintian|bug|menu|bash-completion|zsh|fish)/"
    r"|/etc/bash_completion\.d/"
)
OWNABLE = lazy_regex(r"/(usr/(?!local/)|bin/|sbin/|lib[^/]*/|etc/|opt/|var/)")


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


def owners(scene: Scene, requested: Sequence[TreePath]) -> Iterator[Package]:
    """The packages that own these places, by the database of the root. What none owns is left out."""
    database = Packages.of(scene)
    found = database.owners(requested)
    for name in dict.fromkeys(found.values()):
        owned = sorted(place for place, owner in found.items() if owner == name)
        yield Package(name, tuple(database.listed(name)), tuple(owned))


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

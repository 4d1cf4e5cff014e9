"""What lies at a path that an object names, parted by how the packages that have it belong to the object's own."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.constant_data.kinds import Kind, is_for_people, is_private, kind_of
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.package_database.database import Packages
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File, HardLink, Symlink
from fromscratch.paths import TreePath

_MAX_LISTED, _MAX_LINKED = 20_000, 1000
_MAX_MADE, _MAX_SIZE = 16, 1 << 20  # an index of modules or fonts, not a user's data
_STEM = lazy_regex(r"[a-z]{3,}")


class Member(Struct, frozen=True):
    """A regular file of a folder: as it is spelled, where it is, and what it is. A private one is never taken. `listed`
    is the path by which a package has it: for what lies in a folder that a symlink leads to, that of the symlink."""

    path: str
    place: TreePath
    listed: str
    kind: Kind
    size: int
    private: bool


class Parts(Struct, frozen=True):
    """`own` are files of the object's package and of those that the program's needs, and what their scripts made in
    their folders; `needed` of further packages that the object's needs; `kin` of packages that one of them recommends
    or that are built from the same source; `others` are all that are left."""

    own: tuple[Member, ...]
    needed: tuple[Member, ...] = ()
    kin: tuple[Member, ...] = ()
    others: tuple[Member, ...] = ()


def parts(
    scene: Scene, packages: Packages, path: str, own: Iterable[str], needed: Iterable[str], kin: Iterable[str]
) -> Parts:
    """The files at or below a path, by the packages that have them."""
    place = views.place(scene.view, path)
    assert place is not None  # noqa: S101  it is one of those that exist
    left = tuple(_members(scene, path))
    found: list[tuple[Member, ...]] = []
    for names in (own, needed, kin):
        listed = {text for name in names for text in _listed(scene, packages, name, path, place)}
        found.append(tuple(each for each in left if each.listed in listed))
        left = tuple(each for each in left if each.listed not in listed)
    if (found[0] or found[1]) and not place.startswith("/etc/") and len(left) <= _MAX_MADE:
        owned = packages.owners([each.place for each in left])
        made = tuple(each for each in left if each.place not in owned and each.size <= _MAX_SIZE)
        found[0], left = found[0] + made, tuple(each for each in left if each not in made)
    return Parts(found[0], found[1], found[2], left)


def by_name(scene: Scene, path: str, place: TreePath, by: Iterable[TreePath]) -> Parts:
    """The same in a root whose package manager is not read: a path that has a part of a name, or shares the folder
    that all of an application lies in, is its own."""
    stems = {
        stem for each in by for stem in _STEM.findall(paths.name(each).lower().removeprefix("lib")) if stem != "so"
    }
    tops = {top for each in by if (top := _application(each))}
    every = tuple(_members(scene, path))
    mine = any(stem in path.lower() for stem in stems) or any(place.startswith(f"{top}/") for top in tops)
    return Parts(every) if mine else Parts((), others=every)


def _application(place: TreePath) -> str:
    """The folder of an application that is installed apart from all others: /opt/NAME, /nix/store/NAME."""
    steps = place.split("/")
    if steps[1] in ("opt", "app", "srv") and len(steps) > 3:
        return "/".join(steps[:3])
    return "/".join(steps[:4]) if place.startswith(("/nix/store/", "/gnu/store/")) and len(steps) > 4 else ""


def _listed(scene: Scene, packages: Packages, package: str, path: str, place: TreePath) -> Iterator[str]:
    """The paths of a package at or below a path, spelled as that is."""
    for text in packages.below(package, place):
        yield path + text.removeprefix(place)
    above = views.place(scene.view, path.rpartition("/")[0] or "/")
    link = f"{above}/{path.rpartition('/')[2]}"
    if link != place and packages.below(package, link):
        yield path


def _members(scene: Scene, path: str) -> Iterator[Member]:
    """The regular files at or below a path, and links to some."""
    top = views.place(scene.view, path)
    for count, place in enumerate(views.below(scene.view, top) if top else ()):
        if count >= _MAX_LISTED:
            return
        entry, end, spelled = scene.view.get(place), place, path + place.removeprefix(top or "")
        if isinstance(entry, Symlink | HardLink):  # on the way to what lies below a place there is none
            entry, end = views.look(scene.view, place), views.place(scene.view, place) or place
        if isinstance(entry, Directory) and end != place:
            yield from _behind(scene, spelled, end)
        elif isinstance(entry, File) and not is_for_people(spelled):
            yield Member(spelled, end, spelled, kind_of(end, entry), entry.content.size, is_private(entry))


def _behind(scene: Scene, link: str, folder: TreePath) -> Iterator[Member]:
    """The files of a folder that a symlink of a package leads to."""
    for name in views.names(scene.view, folder)[:_MAX_LINKED]:
        place = views.place(scene.view, f"{folder}/{name}")
        entry = scene.view.get(place) if place is not None else None
        if place is not None and isinstance(entry, File) and not is_for_people(place):
            path = f"{link}/{name}"
            yield Member(path, place, link, kind_of(place, entry), entry.content.size, is_private(entry))

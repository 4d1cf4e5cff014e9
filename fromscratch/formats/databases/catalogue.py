"""Every database of packages that a tree may have. A new package manager is one line here, and one file beside."""

from collections.abc import Iterator

from fromscratch.formats.databases.apk import Apk
from fromscratch.formats.databases.chisel import Chisel
from fromscratch.formats.databases.contract import Database
from fromscratch.formats.databases.dpkg import Dpkg
from fromscratch.formats.databases.pacman import Pacman
from fromscratch.formats.databases.portage import Portage
from fromscratch.formats.databases.rpm import Rpm
from fromscratch.formats.installed import Records
from fromscratch.model.rootfs import Rootfs


def databases(tree: Rootfs) -> Iterator[Database]:
    """The databases of a tree; one that it does not have lists nothing."""
    yield Dpkg(tree)
    yield Chisel(tree)
    yield Apk(tree)
    yield Rpm(tree)
    yield Portage(tree)
    yield Pacman(tree)


def records(tree: Rootfs) -> Records:
    """What all of them list, each package once."""
    every = list(databases(tree))
    found = {each.package: each for database in every for each in database.installed}
    slices = {name: names for each in every if isinstance(each, Chisel) for name, names in each.slices.items()}
    controls = {key: text for each in every if isinstance(each, Dpkg | Apk) for key, text in each.controls.items()}
    return Records(tuple(found.values()), controls, slices, tuple(note for each in every for note in each.notes))

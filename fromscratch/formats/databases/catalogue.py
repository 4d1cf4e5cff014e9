"""Every database of packages that a tree may have. A new package manager is one line here, and one file beside."""

from collections.abc import Iterator

from msgspec import Struct

from fromscratch.formats.databases.apk import Apk
from fromscratch.formats.databases.chisel import Chisel
from fromscratch.formats.databases.contract import Database
from fromscratch.formats.databases.dpkg import Dpkg
from fromscratch.formats.databases.portage import Portage
from fromscratch.formats.databases.rpm import Rpm
from fromscratch.formats.installed import Installed
from fromscratch.model.rootfs import Rootfs


class Records(Struct, frozen=True):
    """The packages that the databases of a tree list.

    `slices` are the names of the slices of those packages that are there in part only; `notes` say which databases
    are there but not read.
    """

    installed: tuple[Installed, ...]
    slices: dict[str, list[str]]
    notes: tuple[str, ...]


def databases(tree: Rootfs) -> Iterator[Database]:
    """The databases of a tree; one that it does not have lists nothing."""
    yield Dpkg(tree)
    yield Chisel(tree)
    yield Apk(tree)
    yield Rpm(tree)
    yield Portage(tree)


def records(tree: Rootfs) -> Records:
    """What all of them list, each package once."""
    every = list(databases(tree))
    found = {each.package: each for database in every for each in database.installed}
    slices = {name: names for each in every if isinstance(each, Chisel) for name, names in each.slices.items()}
    return Records(tuple(found.values()), slices, tuple(note for database in every for note in database.notes))

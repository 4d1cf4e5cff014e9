"""Packages that the items below have already: a dependency on one is met, and it is not brought again."""

from collections.abc import Iterable

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats import installed
from fromscratch.formats.debian import deb822
from fromscratch.formats.debian.deb822 import Stanza
from fromscratch.formats.debian.index import Package
from fromscratch.formats.debian.version import parse_relations, version_key
from fromscratch.formats.installed import Records
from fromscratch.sources.debian.planning.catalogue import satisfies
from fromscratch.sources.debian.planning.selection import Request, Selected

_NOTHING = Digest.of(b"")
_SHOWN = 8


def packages_below(records: Records, architecture: str) -> tuple[Package, ...]:
    """The packages of this architecture that dpkg's or chisel's records list, with what they provide and refuse."""
    found = [each for each in records.of("dpkg") if each.architecture in (architecture, "all", "")]
    packages = {each.name: _package(each, records.control(each)) for each in sorted(found)}
    return tuple(package for package in packages.values() if package is not None)


def key_of(packages: Iterable[Package], records: Records) -> str:
    """A text that changes with what is below, as far as it decides what is brought."""
    return " ".join(f"{each.name}={each.version}{'*' * (each.name in records.slices)}" for each in packages)


def used_below(chosen: Iterable[Selected], request: Request) -> list[Package]:
    """The packages below that were asked for, or that chosen ones depend on."""
    new = {one.package.name: one.package for one in chosen}
    asked = {requested.name for requested in request.packages}
    texts = (text for package in new.values() for text in (package.pre_depends, package.depends))
    relations = {relation for text in texts for group in parse_relations(text) for relation in group}
    return [
        package
        for package in request.below
        if package.name not in new
        and (package.name in asked or any(satisfies(package, relation) for relation in relations))
    ]


def note(used: Iterable[Package], records: Records, place: str) -> str:
    """What to say of packages that are not brought."""
    names = [f"{each.name} {each.version}{_in_part(records.slices.get(each.name, ()))}" for each in used]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{place}: not brought, since the items below have it: {', '.join(names[:_SHOWN])}{more}"


def _in_part(slices: Iterable[str]) -> str:
    names = ", ".join(slices)
    return f" (its slices {names})" if names else ""


def _package(found: installed.Package, control: bytes) -> Package | None:
    """None for a version that is not one."""
    stanza = _stanza(control)
    try:
        version_key(found.version)
    except FormatError:
        return None
    return Package(
        name=found.name,
        version=found.version,
        architecture=found.architecture,
        filename="",
        size=0,
        digest=_NOTHING,
        provides=stanza.get("provides", ""),
        conflicts=stanza.get("conflicts", ""),
        breaks=stanza.get("breaks", ""),
    )


def _stanza(control: bytes) -> Stanza:
    """The control fields; none if a record is not one, or what it says cannot be read."""
    try:
        stanza = deb822.stanza(deb822.decoded(control)) if control else {}
        for field in ("provides", "conflicts", "breaks"):
            parse_relations(stanza.get(field, ""))
        return stanza
    except FormatError:
        return {}

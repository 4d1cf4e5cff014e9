"""Packages that the items below have already: a dependency on one is met, and it is not brought again."""

from collections.abc import Iterable, Sequence

from fromscratch.errors import FormatError
from fromscratch.formats import installed
from fromscratch.formats.alpine.dependency import Dependency, parse_dependency
from fromscratch.formats.alpine.index import Package, parse_index
from fromscratch.formats.installed import Records
from fromscratch.paths import decode

_SHOWN = 8


def packages_below(records: Records, architecture: str) -> list[Package]:
    """The packages of this architecture that apk's database lists, with what they provide."""
    found = [each for each in records.of("apk") if each.architecture in (architecture, "noarch", "")]
    return [_package(each, decode(records.control(each))) for each in sorted(found)]


def key_of(packages: Iterable[Package]) -> str:
    """A text that changes with what is below, as far as it decides what is brought."""
    return " ".join(map(str, packages))


def used_below(below: Iterable[Package], chosen: Sequence[Package], world: Iterable[Dependency]) -> list[Package]:
    """The packages below that were asked for, or that chosen ones depend on."""
    words = (word for package in chosen for word in package.depends.split())
    names = {one.name for one in (*world, *map(parse_dependency, words)) if not one.is_conflict}
    return [one for one in below if names & {one.name, *(parse_dependency(each).name for each in one.provides.split())}]


def note(used: Iterable[Package], place: str) -> str:
    """What to say of packages that are not brought."""
    names = list(map(str, used))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{place}: not brought, since the items below have it: {', '.join(names[:_SHOWN])}{more}"


def _package(found: installed.Package, paragraph: str) -> Package:
    try:
        for package in parse_index(paragraph, "the database of apk"):
            for word in package.provides.split():
                parse_dependency(word)
            return package
    except FormatError:
        pass  # what it says cannot be read, but it is there
    return Package(found.name, found.version, found.architecture, f"below {found.name}", 0)

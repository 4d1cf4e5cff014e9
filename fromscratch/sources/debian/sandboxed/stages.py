"""In which steps dpkg is given packages: first those that it needs itself, then the others, dependencies first."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.debian.deb822 import Stanza
from fromscratch.formats.debian.version import parse_relations


class Stages(Struct, frozen=True):
    """Names of packages: `base` is what every system has, and `groups` are installed on it one after the other."""

    base: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]


def stages(stanzas: Mapping[str, Stanza], essential: Collection[str], planned: Collection[str]) -> Stages:
    """The steps for these packages; only the `planned` ones get into the image.

    What is Essential, what that depends on, and what is not planned is there before any other script runs. A package
    that pre-depends on another is unpacked when that one is configured: Policy 7.2.
    """
    provided: dict[str, list[str]] = {}
    for name, stanza in stanzas.items():
        for virtual in _names(stanza, "provides"):
            provided.setdefault(virtual, []).append(name)
    before = {name: _present(_names(stanza, "pre-depends"), stanzas, provided) for name, stanza in stanzas.items()}
    needs = {
        name: _present(_names(stanza, "depends"), stanzas, provided) | before[name] for name, stanza in stanzas.items()
    }
    base = _closure([name for name in stanzas if name in essential], needs)
    base |= {name for name in stanzas if name not in planned}
    rest = sorted(name for name in stanzas if name not in base)
    ranks = _ranks(rest, before, needs)
    groups = (tuple(name for name in rest if ranks[name] == rank) for rank in sorted({*ranks.values()}))
    return Stages(tuple(sorted(base)), tuple(groups))


def _ranks(
    names: Sequence[str], before: Mapping[str, Collection[str]], needs: Mapping[str, Collection[str]]
) -> dict[str, int]:
    """The group of each package, from 0: one after that of its pre-dependencies, and none before its dependencies."""
    ranks = dict.fromkeys(names, 0)
    for _ in names:  # a circle of pre-dependencies, which no archive should have, ends this too
        changed = False
        for name in names:
            least = max((ranks[other] + (other in before[name]) for other in needs[name] if other in ranks), default=0)
            if least > ranks[name]:
                ranks[name], changed = least, True
        if not changed:
            break
    return ranks


def _closure(names: Sequence[str], needs: Mapping[str, Collection[str]]) -> set[str]:
    found, waiting = set(names), list(names)
    while waiting:
        new = {*needs[waiting.pop()]} - found
        found |= new
        waiting += new
    return found


def _present(names: Collection[str], stanzas: Mapping[str, Stanza], provided: Mapping[str, Sequence[str]]) -> set[str]:
    """The packages that are meant: of alternatives and of providers all that are there."""
    return {each for name in names for each in (name, *provided.get(name, ())) if each in stanzas}


def _names(stanza: Stanza, field: str) -> set[str]:
    try:
        relations = parse_relations(stanza.get(field, ""))
    except FormatError:
        return set()
    return {relation.name for alternatives in relations for relation in alternatives}

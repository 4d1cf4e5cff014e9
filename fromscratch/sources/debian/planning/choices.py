"""What the packages of a catalogue offer for a wish, and what they refuse."""

from collections.abc import Iterator

from fromscratch import unsatisfied
from fromscratch.formats.debian.index import Package
from fromscratch.formats.debian.version import Alternatives, Relation, parse_relations
from fromscratch.sources.debian.package_request import PackageRequest
from fromscratch.sources.debian.planning.catalogue import Catalogue


def candidates(catalogue: Catalogue, requested: PackageRequest) -> list[Package]:
    """The versions of the package that was asked for which fit, the best first."""
    relation = asked_relation(requested)
    return [
        package
        for package in catalogue.with_name(requested.name)
        if requested.suite in ("", catalogue.sources[package.archive].suite) and relation.admits(package.version)
    ]


def asked_relation(requested: PackageRequest) -> Relation:
    """The package that was asked for, in its version if one was said."""
    return Relation(requested.name, "=", requested.version) if requested.version else Relation(requested.name)


def refusals(package: Package, architecture: str) -> Iterator[tuple[str, Relation]]:
    """What a package does not go with in a tree for `architecture`, each with the field that says so.

    A refusal of packages of another architecture, as in `libc6-dev-i386:x32`, concerns none of that tree.
    """
    for word, text in (("Conflicts", package.conflicts), ("Breaks", package.breaks)):
        for alternatives in parse_relations(text):
            if alternatives[0].qualifier in ("", "any", "native", architecture):
                yield word, alternatives[0]


def advice_for(catalogue: Catalogue, relations: Alternatives) -> str:
    """What there is instead of what is missing."""
    for relation in relations:
        versions = [package.version for package in catalogue.with_name(relation.name)]
        if versions:
            return unsatisfied.other_versions(relation.name, versions, "a suite missing (also:)")
        providers = [package.name for package in catalogue.satisfying(relation)]
        if providers:
            return unsatisfied.providers(relation.name, providers)
    near = (name for relation in relations for name in catalogue.near(relation.name))
    return unsatisfied.similar_names(near, "a component or suite")

"""From what is asked for to the packages, in the order in which apk installs them, or to the reason why not."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from fromscratch.formats.alpine.dependency import Dependency, parse_dependency
from fromscratch.formats.alpine.index import Package
from fromscratch.sources.alpine.explanation import explanation
from fromscratch.sources.alpine.resolver import Solver
from fromscratch.sources.alpine.universe import DEFAULT_TAG, Candidate, Listed, Universe
from fromscratch.sources.alpine.walk import Walk
from fromscratch.unsatisfied import Requirement


class Selected(Struct, frozen=True):
    """A package to install, the numbers of the repositories that list it, and what needs it (None: asked for).

    `tag` is that of the repository that serves it because its tag was asked for.
    """

    package: Package
    repositories: tuple[int, ...]
    needed_by: Requirement | None = None
    tag: str = ""


def select(
    listed: Iterable[Listed],
    tags: Sequence[str],
    world: Sequence[Dependency],
    exclude: frozenset[str],
    place: str,
    below: Sequence[Package] = (),
) -> list[Selected]:
    """The packages that apk would install for this world, in its order, out of repositories with these tags.

    An excluded package counts as there, but is not among them, and neither is one of `below`, which is there in that
    version. `place` is where the world stands, for messages. Raises ImageError with the chain that leads to what is
    missing or at odds.
    """
    there = frozenset(package.name for package in below)
    if there:
        others = (one for one in listed if one.package.name not in there)
        listed = [*(Listed(package, len(tags)) for package in below), *others]
        tags = [*tags, DEFAULT_TAG]
        world = [*world, *(parse_dependency(f"{package.name}={package.version}") for package in below)]
        exclude |= there
    solver = Solver(Universe(listed, tags, exclude), world, exclude)
    is_solved = solver.run()
    walk = Walk(solver)
    if not is_solved or walk.has_unmet:
        raise explanation(solver, walk, place, there)
    return [
        Selected(one.package, tuple(one.repositories), walk.needed_by.get(one.package.name), _tag(one, tags))
        for one in walk.found
        if one.package.name not in exclude
    ]


def _tag(candidate: Candidate, tags: Sequence[str]) -> str:
    """As apk records it: none if a repository without a tag lists the package too."""
    listed_by = {tags[number] for number in candidate.repositories}
    return "" if DEFAULT_TAG in listed_by else min(listed_by & candidate.allowed, default="")

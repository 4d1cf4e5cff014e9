"""Which packages have to be there: libsolv decides, and we say why each is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.sources.rpm import problems
from fromscratch.sources.rpm.pool import Chosen, Pool
from fromscratch.unsatisfied import Requirement

_WORDS = lazy_regex(r"\s+(?:and|or|if|unless|else|with|without)\s+")


class Request(Struct, frozen=True):
    """What to install; `place` names the item of the recipe, and `present` the packages that are there already."""

    packages: Sequence[str]
    recommends: bool = False
    place: str = "the recipe"
    present: frozenset[str] = frozenset()


class Selected(Struct, frozen=True):
    """A package to install, and the requirement that brought it; None when it was asked for."""

    chosen: Chosen
    requirement: Requirement | None = None


class MissingFiles(Exception):
    """Something needs a file that the short indexes do not have: the lists of all files may."""


def solve(pool: Pool, request: Request, *, has_file_lists: bool = False) -> list[Selected]:
    """The packages in the order in which they are to be installed.

    Raises MissingFiles, unless the lists of all files are loaded, and ImageError with the chain to what is missing or
    at odds.
    """
    solv = pool.solv
    jobs: list[Any] = []
    asked: dict[str, list[Any]] = {}
    for text in request.packages:
        selection = _selection(pool, text)
        if selection.isempty():
            if text.startswith("/") and not has_file_lists:
                raise MissingFiles
            raise problems.unknown(pool, text, request.place)
        asked[text] = list(selection.solvables())
        jobs += selection.jobs(solv.Job.SOLVER_INSTALL)
    solver = pool.pool.Solver()
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, int(not request.recommends))
    solver.set_flag(solv.Solver.SOLVER_FLAG_YUM_OBSOLETES, 1)
    solver.set_flag(solv.Solver.SOLVER_FLAG_ALLOW_VENDORCHANGE, 1)
    found = solver.solve(jobs)
    if found:
        if not has_file_lists and problems.needs_files(pool, found):
            raise MissingFiles
        raise problems.explained(pool, found, asked, request.place)
    transaction = solver.transaction()
    transaction.order()
    steps = [solvable for solvable in transaction.steps() if solvable.repo.name.isdigit()]
    _check_all(asked, steps, request)
    return _selected(pool, asked, steps)


def _selection(pool: Pool, text: str) -> Any:
    kind = pool.solv.Selection
    flags = kind.SELECTION_NAME | kind.SELECTION_PROVIDES | kind.SELECTION_CANON | kind.SELECTION_DOTARCH
    return pool.pool.select(text, flags | kind.SELECTION_REL | kind.SELECTION_FILELIST)


def _check_all(asked: Mapping[str, Sequence[Any]], steps: Sequence[Any], request: Request) -> None:
    """A transaction can leave out what was asked for if something counts as installed: then it is excluded too."""
    installed = {solvable.id for solvable in steps}
    for text, solvables in asked.items():
        is_present = any(solvable.name in request.present for solvable in solvables)
        if not is_present and not any(solvable.id in installed for solvable in solvables):
            raise ImageError(
                f"{text} is asked for in {request.place} and not among what libsolv would install",
                "see whether it is excluded too: take it out of one of the two lists",
            )


def _selected(pool: Pool, asked: Mapping[str, Sequence[Any]], steps: Sequence[Any]) -> list[Selected]:
    """Each package with the reason that is nearest to what was asked for."""
    by_id = {solvable.id: solvable for solvable in steps}
    reasons: dict[int, Requirement | None] = {}
    pending: list[Any] = []
    for solvables in asked.values():
        for solvable in solvables:
            if solvable.id in by_id and solvable.id not in reasons:
                reasons[solvable.id] = None
                pending.append(solvable)
    while len(reasons) < len(by_id):
        while pending:
            solvable = pending.pop(0)
            for found, requirement in _brings(pool, solvable, by_id):
                if found.id not in reasons:
                    reasons[found.id] = requirement
                    pending.append(found)
        left = next((solvable for solvable in steps if solvable.id not in reasons), None)
        if left is None:
            break
        reasons[left.id] = _supplement(pool, left, by_id)
        pending.append(left)
    return [Selected(pool.chosen(one), reasons[one.id]) for one in steps]


def _brings(pool: Pool, solvable: Any, by_id: Mapping[int, Any]) -> Iterator[tuple[Any, Requirement]]:
    """What a package has among the chosen ones for what it requires, then for what it recommends."""
    solv = pool.solv
    for field, key in (("Requires", solv.SOLVABLE_REQUIRES), ("Recommends", solv.SOLVABLE_RECOMMENDS)):
        for dependency in solvable.lookup_deparray(key):
            relation = str(dependency)
            for found in _satisfying(pool, dependency, by_id):
                if found.id != solvable.id:
                    yield found, Requirement(solvable.name, field, relation)


def _satisfying(pool: Pool, dependency: Any, by_id: Mapping[int, Any]) -> Iterator[Any]:
    text = str(dependency)
    parts = [text]
    if text.startswith("("):  # a rich dependency: whatever of it is there
        parts = [_without_brackets(part) for part in _WORDS.split(text) if part]
    for part in parts:
        one = dependency if part == text else pool.pool.Dep(part.split(" ")[0].strip(), False)
        if one is None:
            continue
        for provider in pool.providers(one):
            if provider.id in by_id:
                yield provider


def _without_brackets(part: str) -> str:
    """A part of a rich dependency without the brackets around it: those of `pkgconfig(zlib)` belong to the name."""
    part = part.lstrip("( ")
    while part.endswith(")") and part.count("(") < part.count(")"):
        part = part[:-1].rstrip()
    return part.strip()


def _supplement(pool: Pool, solvable: Any, by_id: Mapping[int, Any]) -> Requirement | None:
    """The package that this one supplements, if one is there."""
    for dependency in solvable.lookup_deparray(pool.solv.SOLVABLE_SUPPLEMENTS):
        for found in _satisfying(pool, dependency, by_id):
            return Requirement(found.name, "Supplements", str(dependency))
    return None

"""Why libsolv finds no solution, in the form that all resolvers share (`unsatisfied`)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fromscratch.errors import ImageError
from fromscratch.lazy_regex import lazy_regex
from fromscratch.sources.rpm.platforms import ARCHITECTURES
from fromscratch.sources.rpm.pool import Pool
from fromscratch.unsatisfied import (
    Involved,
    Requirement,
    chain_to,
    near,
    no_index_has,
    not_together,
    nothing_provides,
    other_versions,
    providers,
    similar_names,
    versions_disagree,
)

_VERSION = lazy_regex(r"-(?=[0-9])")
_ARCHITECTURES = frozenset({"noarch", *ARCHITECTURES})
_MISSING = "a repository"
_LACKING = "a repository missing"
_COMPARISONS = (" <", " >", " =")


def unknown(pool: Pool, text: str, place: str) -> ImageError:
    """The error for something asked for that no repository has."""
    return no_index_has(text, place, _hint(pool, text))


def needs_files(pool: Pool, found: Sequence[Any]) -> bool:
    """Whether nothing provides a file, as far as it is known."""
    missing = pool.solv.Solver.SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP
    return any(info.type == missing and "/" in str(info.dep) for info in _infos(found))


def explained(pool: Pool, found: Sequence[Any], asked: Mapping[str, Sequence[Any]], place: str) -> ImageError:
    """The error for the first problem that can be explained."""
    infos = list(_infos(found))
    chains = _chains(pool, infos, asked)
    # libsolv lists them in an order of its own: what is missing tells most, and the first by name is as good as any.
    missing = pool.solv.Solver.SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP
    for info in sorted(infos, key=lambda each: (each.type != missing, str(each.solvable), str(each.dep))):
        error = _error(pool, info, chains, place)
        if error is not None:
            return error
    texts = "; ".join(dict.fromkeys(info.problemstr() for info in infos)) or "it gives no reason"
    return ImageError(f"the packages asked for in {place} do not go together: {texts}", "ask for fewer packages")


def _infos(found: Sequence[Any]) -> Iterator[Any]:
    for problem in found:
        for rule in problem.findallproblemrules():
            yield from rule.allinfos()


def _chains(pool: Pool, infos: Sequence[Any], asked: Mapping[str, Sequence[Any]]) -> dict[str, Requirement | None]:
    """The requirement that brings each package of the problem, by its name; None for what was asked for."""
    requires = pool.solv.Solver.SOLVER_RULE_PKG_REQUIRES
    links: dict[str, list[tuple[str, Requirement]]] = {}
    for info in infos:
        if info.type == requires and info.solvable is not None:
            requirement = Requirement(info.solvable.name, "Requires", str(info.dep))
            for provider in pool.providers(info.dep):
                links.setdefault(info.solvable.name, []).append((provider.name, requirement))
    found: dict[str, Requirement | None] = {}
    for solvables in asked.values():
        found |= {solvable.name: None for solvable in solvables}
    pending = list(found)
    while pending:
        for name, requirement in links.get(pending.pop(0), ()):
            if name not in found:
                found[name] = requirement
                pending.append(name)
    return found


def _error(pool: Pool, info: Any, chains: Mapping[str, Requirement | None], place: str) -> ImageError | None:
    kinds = pool.solv.Solver
    if info.type == kinds.SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
        need = str(info.dep)
        chain = [Requirement(info.solvable.name, "Requires", need), *chain_to(info.solvable.name, chains)]
        return nothing_provides(need, chain, place, _hint(pool, need))
    if info.type == kinds.SOLVER_RULE_PKG_SAME_NAME:
        one, other = _involved(info.solvable, chains), _involved(info.othersolvable, chains)
        relation = str(one.chain[0].relation) if one.chain else one.shown
        return versions_disagree(one, other, relation, place)
    words = {kinds.SOLVER_RULE_PKG_CONFLICTS: "Conflicts", kinds.SOLVER_RULE_PKG_OBSOLETES: "Obsoletes"}
    if info.type in words and info.othersolvable is not None:
        one, other = _involved(info.solvable, chains), _involved(info.othersolvable, chains)
        return not_together(one, other, f"{words[info.type]}: {info.dep}", place)
    if info.type == kinds.SOLVER_RULE_PKG_NOT_INSTALLABLE:
        return ImageError(
            f"{_shown(info.solvable)} is for {info.solvable.arch} and cannot be installed",
            "build for another platform, or ask for another package",
        )
    return None


def _involved(solvable: Any, chains: Mapping[str, Requirement | None]) -> Involved:
    return Involved(solvable.name, _shown(solvable), list(chain_to(solvable.name, chains)))


def _shown(solvable: Any) -> str:
    return f"{solvable.name} {solvable.evr}"


def _hint(pool: Pool, need: str) -> str:
    """What there is instead of what is missing."""
    by_name: dict[str, list[Any]] = {}
    for solvable in pool.solvables:
        by_name.setdefault(str(solvable.name), []).append(solvable)
    name = need
    for comparison in _COMPARISONS:
        name = name.partition(comparison)[0]
    if name == need:
        name = next((part for part in _shorter(name) if part in by_name), name)
    if here := by_name.get(name):
        usable = [str(one.evr) for one in here if one.installable()]
        if usable:
            return other_versions(name, usable, _LACKING)
        architectures = ", ".join(sorted({str(one.arch) for one in here}))
        return f"there is {name} for {architectures}, and not for {pool.architecture}: build for another platform"
    dependency = pool.pool.Dep(name, False)
    found = [provider.name for provider in pool.providers(dependency)] if dependency is not None else []
    if found:
        return providers(name, found)
    return similar_names(near(name, sorted(by_name)), _MISSING)


def _shorter(text: str) -> Iterator[str]:
    """The text, and what is its name if it is name-version-release.architecture, or a part of that."""
    yield text
    plain, dot, architecture = text.rpartition(".")
    if dot and architecture in _ARCHITECTURES:
        yield plain
    for found in _VERSION.finditer(text):
        yield text[: found.start()]

"""A plan extended by the programs of Essential packages that something in its packages calls."""

from collections.abc import Callable, Collection, Iterator

from msgspec.structs import replace

from fromscratch.errors import ImageError
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import SILENT
from fromscratch.sources.debian.planning.assumptions import assumptions
from fromscratch.sources.debian.planning.plan import Plan
from fromscratch.sources.debian.planning.planner import Planner
from fromscratch.sources.debian.planning.selection import Assumption
from fromscratch.transforms.scripted.missing import with_missing

_ROUNDS = 6  # what is added for one program may itself call others
_SMALL = 10  # percent of the packages: so much may come for scripts that a package has beside its programs


def completed(
    plan: Plan,
    asked: Collection[str],
    planner: Planner,
    planned: Callable[[Planner], Plan],
    built: Callable[[Plan], Rootfs],
) -> Plan:
    """The plan with what is called for; `built` gives the tree of a plan, whose packages it may have to bring.

    The packages that are added are built by themselves: what they find in the others, these have.
    """
    quiet = replace(planner, context=replace(planner.context, progress=SILENT))

    def with_more(added: tuple[Assumption, ...]) -> Plan:
        return planned(replace(quiet, assumed=assumed + added))

    assumed: tuple[Assumption, ...] = ()
    allowance = _size(plan) * _SMALL // 100
    tree, rest = Rootfs({}), plan
    for _ in range(_ROUNDS):
        try:
            tree = with_missing(tree, built(rest)) if len(tree) > 1 else built(rest)
            found = assumptions(tree, plan, asked).without({each.name for each in assumed})
        except ImageError:  # the build will say so, with all that it is about
            return plan
        chosen, lacking = found.needed, list[str]()
        extended = with_more(chosen) if chosen else plan
        for group in filter(None, (found.beside, found.inner)):
            larger = with_more(chosen + group)
            added = _size(larger) - _size(extended)
            if added <= allowance:
                chosen, extended, allowance = chosen + group, larger, allowance - added
            else:
                lacking += _lines(group)
        rest, plan = _added(extended, plan), replace(extended, lacking=lacking)
        if not chosen:
            break
        assumed += chosen
    return plan


def _added(extended: Plan, plan: Plan) -> Plan:
    """The extended plan without the packages that the plan has."""
    present = {one.name for one in plan.packages}
    return replace(extended, packages=[one for one in extended.packages if one.name not in present])


def _size(plan: Plan) -> int:
    """The bytes of the whole packages."""
    return sum(one.size for one in plan.packages if not one.part)


def _lines(group: tuple[Assumption, ...]) -> Iterator[str]:
    """A line for each package whose lesser scripts lack something."""
    for owner in dict.fromkeys(one.by for one in group):
        missed = [one for one in group if one.by == owner]
        names, example = ", ".join(one.name for one in missed), missed[0].reason.removesuffix(", as Essential")
        yield f"{owner or 'a package'}: lesser scripts lack {names}, which packages: would bring: {example}"

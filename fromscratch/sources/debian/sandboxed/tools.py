"""The packages that scripts need to run and that the image does not have: dpkg, a shell, all that is Essential."""

from collections.abc import Callable

from msgspec.structs import replace

from fromscratch.errors import UsageError
from fromscratch.formats.installed import NOTHING
from fromscratch.host.container.emulator import emulator
from fromscratch.progress import SILENT
from fromscratch.sources.debian.below import packages_below
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.package_request import exclusions, parse_package_request
from fromscratch.sources.debian.planning.plan import Plan
from fromscratch.sources.debian.planning.planner import Planner


def with_tools(plan: Plan, planner: Planner, planned: Callable[[Planner], Plan]) -> Plan:
    """The plan with the packages that its scripts need.

    Raises UsageError over items with packages of their own, whose state dpkg would need, and MissingTool where
    programs of this platform cannot run.
    """
    if packages_below(planner.below, planner.architecture):
        raise UsageError(
            f"{planner.context.place}: scripts: sandbox cannot run scripts over packages of the items below",
            "name all packages in one item, or leave out scripts: sandbox",
        )
    emulator(planner.context.platform)
    every = planned(
        replace(
            planner,
            options=_of_tools(planner.options, frozenset(plan.essential), planner.architecture),
            context=replace(planner.context, progress=SILENT),
            below=NOTHING,
            assumed=(),
        )
    )
    whole = {one.name for one in plan.packages if not one.part}
    return replace(plan, tools=[one for one in every.packages if one.name not in whole])


def _of_tools(options: DebianOptions, essential: frozenset[str], architecture: str) -> DebianOptions:
    """The options with every Essential package, also those that are excluded from the image."""
    needed = exclusions(options.packages, options.exclude, architecture) & essential
    return replace(
        options,
        essential="all",
        recommends=False,
        packages=[text for text in options.packages if parse_package_request(text).name not in needed],
        exclude=[text for text in options.exclude if parse_package_request(text).name not in needed],
    )

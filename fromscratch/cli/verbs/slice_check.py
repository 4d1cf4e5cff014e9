"""`slice check`: a slice against its package as it is now, and its checks in an image of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fromscratch.cli.call import Call
from fromscratch.errors import ImageError, UsageError

if TYPE_CHECKING:
    from fromscratch.flow.assembly import Job
    from fromscratch.formats.slice import Slice
    from fromscratch.recipe.schema import Recipe
    from fromscratch.slimming.slice_comparison import Comparison

_SHOWN = 10


class Misfit(ImageError):
    """A slice lists what its package does not have, or is not for its version."""


def check(call: Call, name: str, release: str, image: str | None, json: bool) -> None:
    """Raises Misfit, after everything was said, and ChecksFailed."""
    from fromscratch.flow import slice_check as flow
    from fromscratch.host.machine.lookup import expanded
    from fromscratch.host.slices import read_slice

    if not name:
        raise UsageError("slice check needs the file of a slice", "say for example: slice check slices/nginx.yaml")
    path = Path(expanded(name))
    one = read_slice(path)
    job: Job | None = None
    if image:
        from fromscratch.cli.chosen_image import target

        found = flow.compare_with_image(one, target(call, image), call.store, call.limits)
    else:
        job = _job(call, flow.recipe_of(one, path, release, _own_recipe(call)), one)
        found = flow.compare_with_archive(one, job)
    failure: ImageError | None = None
    is_proven = bool(job and one.checks and not found.missing)
    if job is not None and is_proven:
        try:
            flow.prove(job)
        except ImageError as error:
            failure = error
    is_proven = is_proven and failure is None
    facts = {**_facts(found), "checks_passed": len(one.checks) if is_proven else 0}
    call.result(facts, "\n".join(_lines(one, found, is_proven)), json)
    if failure is not None:
        raise failure
    if found.missing or found.in_range is False:
        raise Misfit(
            f"{path} does not fit {found.package} {found.version}",
            "change the entries that are missing, or write it again"
            if found.missing
            else "if it does what it should, widen versions: in the slice",
        )


def _own_recipe(call: Call) -> "Recipe | None":
    """The recipe that the call names or the folder has, whose mirrors count; not the one for first steps."""
    from fromscratch.host.machine.package_data import shipped

    return None if call.recipe_path.parent == shipped("recipes") else call.job.recipe


def _job(call: Call, recipe: "Recipe", one: "Slice") -> "Job":
    import os

    from fromscratch.cli.output.settings import spelled
    from fromscratch.flow.assembly import Job
    from fromscratch.model.image import Platform

    return Job(
        recipe=recipe,
        folder=call.recipe_path.parent.absolute(),
        store=call.store,
        output=Path("build") / recipe.name,
        platforms=call.platforms or (Platform.of_this_machine(),),
        epoch=call.epoch(None),
        progress=call.progress,
        jobs=len(os.sched_getaffinity(0)),
        spell=spelled,
        limits=call.limits,
    )


def _facts(found: "Comparison") -> dict[str, Any]:
    from msgspec import to_builtins

    return dict(to_builtins(found))


def _lines(one: "Slice", found: "Comparison", is_proven: bool) -> list[str]:
    from fromscratch.cli.output.sizes import counted

    ranged = {True: f"in {one.versions}", False: f"not in {one.versions}", None: "versions are not compared"}
    is_for = ranged[found.in_range] if one.versions else "for any version"
    entries = counted(found.entries, "entry", "entries")
    lines = [f"{found.package} {found.version}: {is_for}; {entries} for {counted(found.matched, 'file', 'files')}"]
    for entry, near in found.missing.items():
        lines.append(f"  missing: {entry}" + (f" (there is {' and '.join(near)})" if near else ""))
    if found.beside:
        more = f" and {len(found.beside) - _SHOWN} more" if len(found.beside) > _SHOWN else ""
        lines.append(f"  not taken, beside what is: {', '.join(found.beside[:_SHOWN])}{more}")
    if is_proven:
        lines.append(f"  {counted(len(one.checks), 'check', 'checks')} passed")
    return lines

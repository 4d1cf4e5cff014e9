"""`slice check`: a slice against its package as it is now, and its checks in an image of it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fromscratch.cli.call import Call
from fromscratch.errors import DownloadError, ImageError, UsageError

if TYPE_CHECKING:
    from fromscratch.flow.assembly import Job
    from fromscratch.formats.slice import Slice
    from fromscratch.recipe.schema import Recipe
    from fromscratch.slimming.slice_comparison import Comparison

_SHOWN = 10


class Misfit(ImageError):
    """A slice lists what its package does not have, or is not for its version."""


class _Outcome(NamedTuple):
    """What came of one slice: `failure` is an error of the comparison, of the checks, or that it does not fit."""

    path: Path
    lines: list[str]
    facts: dict[str, Any]
    failure: ImageError | None = None


def check(call: Call, names: Sequence[str], release: str, image: str | None, json: bool) -> None:
    """Check the slices of these files, and of all files in these folders.

    Raises, after everything was said, the error of the only slice that fails, or Misfit for several.
    """
    from fromscratch.host.machine.lookup import expanded
    from fromscratch.host.slices import slice_files

    if not names:
        raise UsageError("slice check needs the file of a slice", "say for example: slice check slices/nginx.yaml")
    compare = _in_image(call, image) if image else partial(_in_archive, call, release, _own_recipe(call))
    outcomes = [_outcome(path, compare) for path in slice_files([Path(expanded(name)) for name in names])]
    data = {"slices": [outcome.facts for outcome in outcomes]}
    text = "\n".join(line for outcome in outcomes for line in outcome.lines)
    if text or json:
        call.result(data, text, json)
    failed = [outcome for outcome in outcomes if outcome.failure is not None]
    if len(failed) == 1 and failed[0].failure is not None:
        raise failed[0].failure
    if failed:
        messages = [f"{outcome.path}: {outcome.failure.message}" for outcome in failed if outcome.failure]
        raise Misfit(
            f"{len(failed)} of {len(outcomes)} slices fail:\n  " + "\n  ".join(messages),
            "change their entries or versions, or write them again",
        )


_Compared = tuple["Comparison", "Job | None"]


def _outcome(path: Path, compare: "Callable[[Slice, Path], _Compared]") -> _Outcome:
    from fromscratch.flow import slice_check as flow
    from fromscratch.host.slices import read_slice

    one = read_slice(path)
    facts: dict[str, Any] = {"file": str(path), "package": one.package}
    try:
        found, job = compare(one, path)
    except DownloadError:
        raise  # which the next slice would have too
    except ImageError as error:
        return _Outcome(path, [], facts, error)
    failure: ImageError | None = _misfit(path, found)
    is_proven = False
    if job is not None and one.checks and not found.missing:
        try:
            flow.prove(job)
            is_proven = True
        except ImageError as error:
            failure = error
    facts |= {**_facts(found), "checks_passed": len(one.checks) if is_proven else 0}
    return _Outcome(path, _lines(one, found, is_proven), facts, failure)


def _misfit(path: Path, found: "Comparison") -> "Misfit | None":
    if not found.missing and found.in_range is not False:
        return None
    hint = "change the entries that are missing, or write it again"
    if not found.missing:
        hint = "if it does what it should, widen versions: in the slice"
    return Misfit(f"{path} does not fit {found.package} {found.version}", hint)


def _in_image(call: Call, image: str) -> "Callable[[Slice, Path], _Compared]":
    from fromscratch.cli.chosen_image import target
    from fromscratch.flow import slice_check as flow

    contents = flow.contents_of(target(call, image), call.store, call.limits)
    return lambda one, path: (flow.compare_with_image(one, contents), None)


def _in_archive(call: Call, release: str, like: "Recipe | None", one: "Slice", path: Path) -> "_Compared":
    from fromscratch.flow import slice_check as flow

    job = _job(call, flow.recipe_of(one, path, release, like), like)
    return flow.compare_with_archive(one, job), job


def _own_recipe(call: Call) -> "Recipe | None":
    """The recipe that the call names or the folder has, whose mirrors count; not the one for first steps."""
    from fromscratch.cli.recipe_file import DEFAULT_RECIPE

    return call.job.recipe if call.names_recipe or DEFAULT_RECIPE.exists() else None


def _job(call: Call, recipe: "Recipe", like: "Recipe | None") -> "Job":
    folder = call.job.folder if like else Path.cwd()
    return call.job_of(recipe, folder, Path("build") / recipe.name, call.platforms)


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
    if one.not_taken and one.not_taken != len(found.beside):
        lines.append(f"  these are {len(found.beside)}, and were {found.written_beside} when the slice was written")
    if is_proven:
        lines.append(f"  {counted(len(one.checks), 'check', 'checks')} passed")
    return lines

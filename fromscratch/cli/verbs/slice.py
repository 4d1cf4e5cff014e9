"""`slice`: which files of each package of an image are used, as small files that recipes can name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.flow.slices import WrittenSlices
    from fromscratch.recipe.slimming import SlimRecipe

ACTIONS = ("write", "check")
_SHOWN = 5


def slice_(
    call: Call,
    *,
    what: Sequence[str],
    output: str | None,
    trace: Sequence[str],
    trace_root: str,
    package: Sequence[str],
    keep: Sequence[str],
    exclude: Sequence[str],
    any_image: bool,
    release: str | None,
    image: str | None,
    json: bool,
) -> None:
    action, names = _action(what)
    if len(names) > 1 and action == "write":
        raise UsageError(f"slice write takes one image; here are {' and '.join(names)}", "call it for each")
    of_write = {"trace": trace, "package": package, "keep": keep, "exclude": exclude, "output": output}
    _check_options(action, {**of_write, "any-image": any_image})
    if action == "check":
        from fromscratch.cli.verbs.slice_check import check

        check(call, names, release or "", image, json)
        return
    if release or image:
        raise UsageError("slice write has no --release and no --image", "name the image behind: slice write IMAGE")
    if not trace:
        raise UsageError(
            "slice write needs a trace", "say --trace FILE: a trace file, a log of strace, or a list of paths"
        )
    from fromscratch.host.machine.lookup import expanded
    from fromscratch.recipe.slimming import SlimRecipe

    recipe = SlimRecipe(
        image=names[0] if names else "",
        traces=[expanded(each) for each in trace],
        keep=list(keep),
        exclude=list(exclude),
        any_image=any_image,
    )
    _write(call, recipe, trace_root, output or "slices", package, json)


def _check_options(action: str, given: Mapping[str, object]) -> None:
    """Raises UsageError for what only the other action has."""
    for name, value in given.items() if action == "check" else ():
        if value:
            raise UsageError(f"slice check has no --{name}", "that is for slice write")


def _write(call: Call, recipe: "SlimRecipe", trace_root: str, output: str, package: Sequence[str], json: bool) -> None:
    from fromscratch.cli.verbs.slim import job_of
    from fromscratch.flow import slices as flow

    found = flow.write(job_of(call, recipe, trace_root, output), package)
    call.result(_facts(found), "\n".join(_lines(found)), json)


def _action(what: Sequence[str]) -> tuple[str, Sequence[str]]:
    if not what or what[0] not in ACTIONS:
        said = f"slice {what[0]}: no such thing to do" if what else "slice does not say what to do"
        raise UsageError(said, f"say {' or '.join(f'slice {one}' for one in ACTIONS)}")
    return what[0], what[1:]


def _facts(found: "WrittenSlices") -> dict[str, Any]:
    from fromscratch.model.listing import quoted

    return {
        "slices": [
            {"file": str(path), "package": one.package, "versions": one.versions, "entries": len(one.files)}
            for path, one in found.slices.items()
        ],
        "unowned": [quoted(path) for path in found.unowned],
    }


def _lines(found: "WrittenSlices") -> list[str]:
    from fromscratch.cli.output.sizes import counted
    from fromscratch.model.listing import quoted

    lines = []
    for path, one in found.slices.items():
        needs = f", needs {', '.join(Path(name).stem for name in one.needs)}" if one.needs else ""
        lines.append(f"{path}: {counted(len(one.files), 'entry', 'entries')} of {one.package}{needs}")
    if found.unowned:
        shown = ", ".join(quoted(path) for path in found.unowned[:_SHOWN])
        more = f" and {len(found.unowned) - _SHOWN} more" if len(found.unowned) > _SHOWN else ""
        lines.append(f"{counted(len(found.unowned), 'path', 'paths')} used that no package has: {shown}{more}")
    return lines

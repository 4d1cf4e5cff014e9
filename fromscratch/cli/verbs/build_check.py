"""The answer of `build --twice`: what was varied, and of a difference all that is known about it."""

from typing import Any

from fromscratch.cli.verbs.why import reason_lines
from fromscratch.errors import Irreproducible
from fromscratch.flow.assembly import Job, sources
from fromscratch.proof.difference import Difference
from fromscratch.proof.twice import Twice


def facts(twice: Twice, job: Job) -> dict[str, Any]:
    """For a program."""
    difference = twice.difference
    return {
        "same": difference is None,
        "digest": twice.digest,
        "conditions": [condition.facts() for condition in twice.conditions],
        "taken_from_the_store": _built_elsewhere(job),
        "difference": {**difference.facts(), "cause": twice.cause} if difference else None,
    }


def text(twice: Twice, job: Job) -> str:
    """For a person, of a build that is the same twice."""
    varied = ", ".join(condition.name for condition in twice.conditions if not condition.why)
    lines = [f"the same twice: {twice.digest} (varied: {varied})"]
    lines += [f"not varied: {condition.name}: {condition.why}" for condition in twice.conditions if condition.why]
    if job.recipe.compression == "fast":
        lines.append("not varied: the model of CPU, on which digests (not diff_ids) of compression: fast depend")
    lines += [f"not built twice: {name}, whose root comes from the store" for name in _built_elsewhere(job)]
    return "\n".join(lines)


def check(twice: Twice, job: Job) -> None:
    """Raises Irreproducible for a difference."""
    if twice.difference is None:
        return
    lines = [f"{job.recipe.name} is not the same twice: {twice.difference.described()}"]
    lines += [f"  {line}" for origin in twice.origins for line in reason_lines(origin)]
    lines.append(f"  {twice.cause}")
    raise Irreproducible("\n".join(lines), _hint(twice, twice.difference, job))


def _hint(twice: Twice, difference: Difference, job: Job) -> str:
    """What most often helps against a difference of this kind."""
    names = {field.name for field in difference.fields}
    if twice.changed:
        return "run it again when nothing writes to them"
    if difference.kind == "compression":
        return "the layers hold the same; what compressed them does not give the same bytes each time: see compression:"
    if difference.kind != "entry":
        return "no recipe asks for that: please report it with the recipe"
    if "mtime" in names and job.recipe.times != "epoch":
        return f"times: {job.recipe.times} takes times as they are; write times: epoch"
    if names & {"uid", "gid"}:
        return 'write owner: "0:0" into the item that brings it'
    if "entry" in names:
        return "give it a place of its own, as FILE:/DEST, or leave it out with trim: or exclude:"
    return "make whatever writes it do so the same way each time, or leave it out with trim: or exclude:"


def _built_elsewhere(job: Job) -> list[str]:
    """The items that were built once, and of which only the result is laid into both images."""
    bound = enumerate(sources(job, job.platforms[0]))
    return [
        f"rootfs[{place}] ({item.kind})"
        for place, (item, source) in bound
        if source.build_folders and not source.result_records
    ]

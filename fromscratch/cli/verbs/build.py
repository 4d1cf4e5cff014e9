"""`build`: make the image out of what was fetched."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fromscratch.cli.call import Call
from fromscratch.cli.output.checks import checks_lines
from fromscratch.cli.output.left_out import left_out_lines
from fromscratch.cli.output.privileges import rights, rights_lines
from fromscratch.cli.output.sizes import counted, megabytes

if TYPE_CHECKING:
    from fromscratch.flow.assembly import Job
    from fromscratch.flow.output import Built


def build(
    call: Call, *, checks: Sequence[tuple[str, str]], start_check: str | None, twice: bool, all_: bool, json: bool
) -> None:
    from msgspec.structs import replace

    from fromscratch.flow import assembly

    job = call.job
    if start_check:
        job = replace(job, recipe=replace(job.recipe, check=start_check))
    if checks:
        from fromscratch.cli.smoke_checks import checks_of

        job = replace(job, checks=checks_of(checks))
    if not twice:
        built = assembly.build(job)
        call.result(_facts(job, built), _text(job, built, all_), json)
        return
    from fromscratch.cli.verbs import build_check
    from fromscratch.proof.twice import build_twice

    pair = build_twice(job)
    text = _text(job, pair.built, all_)
    if pair.difference is None:
        text += f"\n{build_check.text(pair, job)}"
    call.result({**_facts(job, pair.built), "check": build_check.facts(pair, job)}, text, json)
    build_check.check(pair, job)


def _facts(job: "Job", built: "Built") -> dict[str, Any]:
    from msgspec import to_builtins

    from fromscratch.cli.output.digests import Digests

    images = []
    digests = Digests.of(built.images)
    for image, own in zip(built.images, digests.images, strict=True):
        facts = built.evidence.of(image.platform)
        images.append(
            {
                "platform": str(image.platform),
                **own,
                "layers": facts.layers,
                "diff_ids": [str(layer.diff_id) for layer in image.layers],
                "size": sum(layer.size for layer in image.layers),
                "entries": len(facts.entries),
                "codec": facts.codec,
                "packed": to_builtins(facts.packed),
                "checks": to_builtins(facts.checks),
                "left_out": to_builtins([one for source in facts.sources for one in source.left_out]),
                **rights(facts),
            }
        )
    return {
        "name": job.recipe.name,
        "fresh": built.fresh,
        "layout": str(job.layout),
        **digests.whole,
        "images": images,
    }


def _text(job: "Job", built: "Built", every: bool) -> str:
    from fromscratch.cli.output.digests import Digests

    lines = []
    digests = Digests.of(built.images)
    for image, own in zip(built.images, digests.images, strict=True):
        size = megabytes(sum(layer.size for layer in image.layers))
        state = "" if built.fresh else ", unchanged"
        count = counted(len(built.evidence.of(image.platform).entries), "entry", "entries")
        count += f" in {len(image.layers)} layers" if len(image.layers) > 1 else ""
        lines.append(f"{job.recipe.name} {image.platform}: {count}, {size} packed{state} -> oci:{job.layout}")
        lines.append(f"  manifest {own['manifest']}, configuration {own['config']}")
        lines += rights_lines(built.evidence.of(image.platform))
        lines += checks_lines(built.evidence.of(image.platform))
        lines += left_out_lines(built.evidence.of(image.platform), every=every)
    if digests.whole["index"]:
        lines.append(f"  index {digests.whole['index']}")
    return "\n".join(lines)

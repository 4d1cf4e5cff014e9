"""`build`: make the image out of what was fetched."""

from typing import TYPE_CHECKING, Any

from fromscratch.cli.call import Call
from fromscratch.cli.output.privileges import rights, rights_lines
from fromscratch.cli.output.sizes import counted, megabytes

if TYPE_CHECKING:
    from fromscratch.flow.assembly import Job
    from fromscratch.flow.output import Built


def build(call: Call, *, check: bool, json: bool) -> None:
    from fromscratch.flow import assembly

    job = call.job
    if not check:
        built = assembly.build(job)
        call.result(_facts(job, built), _text(job, built), json)
        return
    from fromscratch.cli.verbs import build_check as checking
    from fromscratch.proof.twice import build_twice

    twice = build_twice(job)
    text = _text(job, twice.built)
    if twice.difference is None:
        text += f"\n{checking.text(twice, job)}"
    call.result({**_facts(job, twice.built), "check": checking.facts(twice, job)}, text, json)
    checking.check(twice, job)


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


def _text(job: "Job", built: "Built") -> str:
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
    if digests.whole["index"]:
        lines.append(f"  index {digests.whole['index']}")
    return "\n".join(lines)

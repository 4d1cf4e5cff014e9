"""`slim`: an existing image, cut to the files that runs used and that its programs link to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.flow.slim import SlimJob
    from fromscratch.flow.slim_output import Slimmed
    from fromscratch.recipe.slimming import SlimRecipe


def slim(
    call: Call,
    *,
    image: str | None,
    trace: Sequence[str],
    trace_root: str,
    checks: Sequence[tuple[str, str]],
    recorder: str | None,
    name: str | None,
    tag: str | None,
    to: str | None,
    output: str | None,
    engine: str | None,
    via: str,
    keep: Sequence[str],
    keep_package: Sequence[str],
    drop: Sequence[str],
    exclude: Sequence[str],
    drop_package_records: bool,
    any_image: bool,
    split: bool,
    json: bool,
) -> None:
    from fromscratch.cli import destination
    from fromscratch.cli.smoke_checks import checks_of
    from fromscratch.host.machine.lookup import expanded
    from fromscratch.recipe.slimming import SlimRecipe

    target = destination.target(tag, to, engine, via)
    said = SlimRecipe(
        name=name or (_slug(tag) if tag else ""),
        image=image or "",
        traces=[expanded(each) for each in trace],
        keep=list(keep),
        keep_packages=list(keep_package),
        drop=list(drop),
        exclude=list(exclude),
        package_records=not drop_package_records,
        any_image=any_image,
        split=split,
    )
    job = job_of(call, _whole(said), trace_root, output)
    job = replace(job, checks=checks_of(checks), recorder=recorder)
    job = _with_something_to_go_by(call, job, by_name=image is not None)
    slimmed, proof, proof_lines = _made(job)
    delivery = destination.deliver(call, target, slimmed.built.images, job.recipe.name, job.layout)
    facts = {**_facts(job, slimmed), **proof, **delivery.facts}
    call.result(facts, "\n".join([*_lines(job, slimmed), *proof_lines, *delivery.lines]), json)


def _made(job: "SlimJob") -> tuple["Slimmed", dict[str, Any], list[str]]:
    """The small image, and what there is to say of its proof. With all files of the full one it needs none."""
    if not job.checks or job.recipe.split:
        from fromscratch.flow import slim as flow

        return flow.slim(job), {}, []
    from fromscratch.cli.output import verdicts
    from fromscratch.proof.slimming import slim_proven

    proven = slim_proven(job)
    return proven.slimmed, {"verdict": verdicts.facts(proven.verdict)}, verdicts.lines(proven.verdict)


def _whole(said: "SlimRecipe") -> "SlimRecipe":
    """What the call says, on top of what a former call wrote if its file is named in place of an image."""
    place = Path(said.image)
    if said.image.endswith((".yaml", ".yml")) and place.is_file():
        from fromscratch.recipe.slimming import load, together

        recipe = load(place)
        said = together(replace(recipe, traces=[str(place.parent / each) for each in recipe.traces]), said)
    return said


def _with_something_to_go_by(call: Call, job: "SlimJob", by_name: bool) -> "SlimJob":
    """The job with the checks of the recipe whose build it is about, if it has no others, and no trace."""
    if job.recipe.traces or job.checks:
        return job
    checks = () if by_name else call.job.recipe.smoke_checks(call.job.folder)
    if not checks:
        raise UsageError(
            "slim needs a trace, or something to do with the image while it is recorded",
            "say --trace FILE, or what uses the image: --exec CMD, --http-get URL or --script FILE",
        )
    return replace(job, checks=checks)


def job_of(call: Call, recipe: "SlimRecipe", trace_root: str, output: str | None) -> "SlimJob":
    """The work of a recipe for a small image, of the image that it names or else that of the recipe's build."""
    import os

    from fromscratch.cli.chosen_image import target
    from fromscratch.cli.output.settings import spelled
    from fromscratch.flow.slim import SlimJob
    from fromscratch.host.machine.lookup import expanded
    from fromscratch.model.image import Platform

    if recipe.platform and not call.platforms:
        call.platforms = (Platform.parse(recipe.platform),)
    found = target(call, recipe.image or None)
    image = recipe.image or found.where
    name = recipe.name or f"{_slug(recipe.image or call.job.recipe.name)}-slim"
    return SlimJob(
        found=found,
        recipe=replace(recipe, image=image, name=name),
        output=Path(expanded(output)) if output else Path("build") / name,
        store=call.store,
        progress=call.progress,
        jobs=len(os.sched_getaffinity(0)),
        spell=spelled,
        limits=call.limits,
        trace_root=trace_root,
    )


def _slug(image: str) -> str:
    """The last word of an image's name or place, without a scheme, a tag or a digest, as a name of a folder."""
    from fromscratch.images import catalogue
    from fromscratch.model.reference import slug

    line = catalogue.of_name(image)
    text = image.removeprefix(line.scheme) if line else image
    last = text.partition("@")[0].rstrip("/").removesuffix("/oci").rpartition("/")[2]
    return slug(last.partition(":")[0].removesuffix(".tar"), "image")


def _facts(job: "SlimJob", slimmed: "Slimmed") -> dict[str, Any]:
    from msgspec import to_builtins

    from fromscratch.cli.output.digests import Digests
    from fromscratch.cli.output.privileges import rights

    image = slimmed.built.images[0]
    digests = Digests.of(slimmed.built.images)
    proof = slimmed.built.evidence.of(image.platform)
    return {
        "name": job.recipe.name,
        "layout": str(job.layout),
        "platform": str(image.platform),
        **digests.images[0],
        **digests.whole,
        "entries": len(proof.entries),
        "size": slimmed.packed,
        "full_size": slimmed.full_packed,
        "cold_size": slimmed.cold,
        **rights(proof),
        "report": to_builtins(slimmed.report),
    }


def _lines(job: "SlimJob", slimmed: "Slimmed") -> list[str]:
    from fromscratch.cli.output.digests import Digests
    from fromscratch.cli.output.privileges import rights_lines
    from fromscratch.cli.output.sizes import counted, megabytes

    image, report = slimmed.built.images[0], slimmed.report
    proof = slimmed.built.evidence.of(image.platform)
    digests = Digests.of(slimmed.built.images).images[0]
    full, size = slimmed.full_packed, f"{megabytes(slimmed.packed)} packed"
    if full:
        size += f" of {megabytes(full)} ({full / max(1, slimmed.packed):.1f} times smaller)"
    if slimmed.cold:
        size += f", and {megabytes(slimmed.cold)} that were not used in a layer below"
    needed = sum(package.needed for package in report.packages)
    entries = counted(len(proof.entries), "entry", "entries")
    amounts = [
        f"{counted(amount.files, 'file', 'files')} {kind} ({megabytes(amount.bytes)})"
        for kind, amount in report.evidence.items()
    ]
    return [
        f"{job.recipe.name} {image.platform}: {entries}, {size} -> oci:{job.layout}",
        f"  manifest {digests['manifest']}, configuration {digests['config']}",
        f"  {', '.join(amounts)}",
        *([f"  {needed} of {counted(len(report.packages), 'package', 'packages')} needed"] if report.packages else []),
        *rights_lines(proof),
    ]

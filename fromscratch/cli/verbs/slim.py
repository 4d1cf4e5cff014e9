"""`slim`: an existing image, cut to the files that runs used and that its programs link to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError

_SHOWN = 5  # packages

if TYPE_CHECKING:
    from fromscratch.checks.contract import Check
    from fromscratch.flow.slim import SlimJob
    from fromscratch.flow.slim_output import Slimmed
    from fromscratch.recipe.slimming import SlimRecipe
    from fromscratch.slimming.report import Report


def slim(
    call: Call,
    *,
    image: str | None,
    trace: Sequence[str],
    trace_root: str,
    checks: Sequence[tuple[str, str]],
    ignore_output: Sequence[str],
    recorder: str | None,
    record: bool,
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
    from fromscratch.cli.image_name import build_name
    from fromscratch.cli.smoke_checks import checks_of, regex
    from fromscratch.host.machine.lookup import expanded
    from fromscratch.recipe.slimming import SlimRecipe

    patterns = [regex("ignore-output", text) for text in ignore_output]
    target = destination.target(tag, to, engine, via)
    said = SlimRecipe(
        name=build_name(name) if name else _slug(tag) if tag else "",
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
    job = _with_checks(call, job_of(call, _whole(said, record), trace_root, output), checks_of(checks), image, record)
    job = replace(job, recorder=recorder)
    slimmed, proof, proof_lines = _made(job, patterns)
    delivery = destination.deliver(call, target, slimmed.built.images, job.recipe.name, job.layout)
    facts = {**_facts(job, slimmed), **proof, **delivery.facts}
    call.result(facts, "\n".join([*lines(job, slimmed), *proof_lines, *delivery.lines]), json)


def _made(job: "SlimJob", patterns: Sequence[str]) -> tuple["Slimmed", dict[str, Any], list[str]]:
    """The small image, and what there is to say of its proof. With all files of the full one it needs none."""
    if not job.checks or job.recipe.split:
        from fromscratch.flow import slim as flow

        return flow.slim(job), {}, []
    from fromscratch.cli.output import verdicts
    from fromscratch.proof.slimming import slim_proven

    proven = slim_proven(job, ignore=patterns)
    return proven.slimmed, {"verdict": verdicts.facts(proven.verdict)}, verdicts.lines(proven.verdict)


def _whole(said: "SlimRecipe", record: bool) -> "SlimRecipe":
    """What the call says, on top of what a former call wrote if its file is named in place of an image.

    Of that, what was recorded does not count if it is to be recorded anew.
    """
    if not _is_file_of_ours(said.image):
        return said
    from fromscratch.recipe.slimming import load, together

    place = Path(said.image)
    recipe = load(place)
    recorded = [] if record else [str(place.parent / each) for each in recipe.traces]
    return together(replace(recipe, traces=recorded, digest="" if record else recipe.digest), said)


def _is_file_of_ours(image: str) -> bool:
    return image.endswith((".yaml", ".yml")) and Path(image).is_file()


def _with_checks(call: Call, job: "SlimJob", of_call: Sequence["Check"], image: str | None, record: bool) -> "SlimJob":
    """The job with what the image is used by while it is recorded: by the call, else by the file or recipe it is about.

    Raises UsageError where there is neither that nor a trace.
    """
    from fromscratch.recipe.checks import options_of

    folder = Path(image).parent if image is not None else call.job.folder
    of_file = [each.check(folder.absolute()) for each in job.recipe.checks]
    if record and not of_file:
        raise UsageError("--record: there are no checks to make anew", "name a slim.yaml that has some")
    if not job.recipe.traces and not of_call and image is None:
        of_file = list(call.job.recipe.smoke_checks(call.job.folder))
        record = True
    performed = (*(of_file if record else ()), *of_call)
    if not job.recipe.traces and not performed:
        raise UsageError(
            "slim needs a trace, or something to do with the image while it is recorded",
            "say --trace FILE, or what uses the image: --exec CMD, --http-get URL or --script FILE",
        )
    every = (*of_file, *(check for check in of_call if check not in of_file))
    written = [options_of(check, job.output.absolute()) for check in every]
    return replace(job, checks=performed, recipe=replace(job.recipe, checks=written))


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


def lines(job: "SlimJob", slimmed: "Slimmed") -> list[str]:
    """What is said of the small image that was written; first its size and place, then its digests."""
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
    entries = counted(len(proof.entries), "entry", "entries")
    amounts = [
        f"{counted(amount.files, 'file', 'files')} {kind} ({megabytes(amount.bytes)})"
        for kind, amount in report.evidence.items()
    ]
    return [
        f"{job.recipe.name} {image.platform}: {entries}, {size} -> oci:{job.layout}",
        f"  manifest {digests['manifest']}, configuration {digests['config']}",
        f"  {', '.join(amounts)}",
        *_packages(report),
        *_unexercised(report),
        *rights_lines(proof),
    ]


def _packages(report: "Report") -> list[str]:
    """The packages that are still needed, those first of which most is kept."""
    from fromscratch.cli.output.sizes import counted

    needed = sorted((each for each in report.packages if each.needed), key=lambda each: -each.kept_bytes)
    if not report.packages:
        return []
    names = [f"{each.name} {each.version}" for each in needed[:_SHOWN]]
    more = [f"and {len(needed) - _SHOWN} more"] if len(needed) > _SHOWN else []
    listed = f": {', '.join([*names, *more])}" if names else ""
    return [f"  {len(needed)} of {counted(len(report.packages), 'package', 'packages')} needed{listed}"]


def _unexercised(report: "Report") -> list[str]:
    """The largest of the kept files that no run used."""
    from fromscratch.cli.output.sizes import counted, megabytes

    if not report.unexercised:
        return []
    large = [f"{each.path} ({megabytes(each.bytes)})" for each in report.unexercised[:3]]
    files = counted(len(report.unexercised), "kept file", "kept files")
    return [f"  no run used {files}, such as {', '.join(large)}"]

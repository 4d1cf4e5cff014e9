"""`slim`: an existing image, cut to the files that runs used and that its programs link to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.flow.slim import SlimJob, Slimmed


def slim(
    call: Call,
    *,
    image: str | None,
    trace: Sequence[str],
    name: str | None,
    tag: str | None,
    to: str | None,
    output: str | None,
    engine: str | None,
    via: str,
    keep: Sequence[str],
    drop: Sequence[str],
    exclude: Sequence[str],
    any_image: bool,
    json: bool,
) -> None:
    from fromscratch.cli import destination
    from fromscratch.slimming.options import SlimOptions

    if not trace:
        raise UsageError("slim needs a trace", "say --trace FILE: a trace file, a log of strace, or a list of paths")
    target = destination.target(tag, to, engine, via)
    options = SlimOptions(
        keep=tuple(keep),
        drop=tuple(drop),
        exclude=tuple(exclude),
        any_image=any_image,
    )
    job = _job(call, image, name or _name(call, image, tag), output, trace, options)
    from fromscratch.flow import slim as flow

    slimmed = flow.slim(job)
    delivery = destination.deliver(call, target, slimmed.built.images, job.name, job.layout)
    call.result({**_facts(job, slimmed), **delivery.facts}, "\n".join([*_lines(job, slimmed), *delivery.lines]), json)


def _job(call: Call, image: str | None, name: str, output: str | None, trace: Sequence[str], options: Any) -> "SlimJob":
    import os

    from fromscratch.cli.chosen_image import target
    from fromscratch.cli.output.settings import spelled
    from fromscratch.flow.slim import SlimJob
    from fromscratch.host.machine.lookup import expanded

    return SlimJob(
        found=target(call, image),
        name=name,
        traces=tuple(Path(expanded(each)) for each in trace),
        options=options,
        output=Path(expanded(output)) if output else Path("build") / name,
        store=call.store,
        progress=call.progress,
        jobs=len(os.sched_getaffinity(0)),
        spell=spelled,
        limits=call.limits,
    )


def _name(call: Call, image: str | None, tag: str | None) -> str:
    """What the small image is called where nobody says it: by its tag, else by the image that it is made of."""
    from fromscratch.model.reference import slug

    if tag:
        return slug(_last_word(tag), "slim")
    if image is None:
        return f"{call.job.recipe.name}-slim"
    return f"{slug(_last_word(image), 'image')}-slim"


def _last_word(name: str) -> str:
    """The last word of an image's name or place, without a scheme, a tag or a digest."""
    text = name.partition("@")[0].rstrip("/")
    text = text.removesuffix("/oci")
    last = text.rpartition("/")[2] if "/" in text else text.rpartition(":")[2] if _has_scheme(text) else text
    return last.partition(":")[0].removesuffix(".tar")


def _has_scheme(text: str) -> bool:
    from fromscratch.images import catalogue

    return catalogue.of_name(text) is not None


def _facts(job: "SlimJob", slimmed: "Slimmed") -> dict[str, Any]:
    from msgspec import to_builtins

    from fromscratch.cli.output.digests import Digests
    from fromscratch.cli.output.privileges import rights

    image = slimmed.built.images[0]
    digests = Digests.of(slimmed.built.images)
    return {
        "name": job.name,
        "layout": str(job.layout),
        "platform": str(image.platform),
        **digests.images[0],
        **digests.whole,
        "entries": len(slimmed.built.evidence.of(image.platform).entries),
        "size": slimmed.packed,
        "full_size": slimmed.full_packed,
        **rights(slimmed.built.evidence.of(image.platform)),
        "report": to_builtins(slimmed.report),
    }


def _lines(job: "SlimJob", slimmed: "Slimmed") -> list[str]:
    from fromscratch.cli.output.digests import Digests
    from fromscratch.cli.output.privileges import rights_lines
    from fromscratch.cli.output.sizes import counted, megabytes

    image, report = slimmed.built.images[0], slimmed.report
    proof = slimmed.built.evidence.of(image.platform)
    digests = Digests.of(slimmed.built.images).images[0]
    size = f"{megabytes(slimmed.packed)} packed"
    if slimmed.full_packed:
        size += (
            f" of {megabytes(slimmed.full_packed)} ({slimmed.full_packed / max(1, slimmed.packed):.1f} times smaller)"
        )
    amounts = [
        f"{counted(amount.files, 'file', 'files')} {kind} ({megabytes(amount.bytes)})"
        for kind, amount in report.evidence.items()
    ]
    return [
        f"{job.name} {image.platform}: {counted(len(proof.entries), 'entry', 'entries')}, {size} -> oci:{job.layout}",
        f"  manifest {digests['manifest']}, configuration {digests['config']}",
        f"  {', '.join(amounts)}",
        *rights_lines(proof),
    ]

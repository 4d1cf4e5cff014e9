"""The start check of a small image: what it says that it would not say of the full one ends the work."""

from fromscratch.advice import Setting, advice
from fromscratch.checks.start.check import start_check
from fromscratch.checks.start.finding import Finding
from fromscratch.errors import ImageError
from fromscratch.flow.evidence import StartFinding
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import Progress


def check_start(
    small: Rootfs, full: Rootfs, config: RunConfig, platform: Platform, progress: Progress
) -> list[StartFinding]:
    """What the evidence holds of it. Raises ImageError for an image that cannot start, though the full one can."""
    findings = start_check(small, config, platform)
    known = set(start_check(full, config, platform)) if findings else set()
    new = [finding for finding in findings if finding not in known]
    for finding in findings:
        if finding.level == "note" and finding in new:
            progress.note(advice(f"start check: {finding.text} (", finding.hint, ")"))
        elif finding.level == "error" and finding in known:
            progress.note(advice(f"start check, of the full image too: {finding.text} (", finding.hint, ")"))
    _refuse([finding for finding in new if finding.level == "error"])
    return [StartFinding(each.level, each.text, each.hint) for each in findings]


def _refuse(errors: list[Finding]) -> None:
    if errors:
        raise ImageError(
            "\n".join(("the small image could not start:", *(each.text for each in errors))),
            advice("keep what it lacks with ", Setting("keep", "PATH"), ", or record a run that uses it"),
        )

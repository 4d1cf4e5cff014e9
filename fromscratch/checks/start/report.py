"""The findings of all platforms of a build, as one error and as notes."""

from collections.abc import Mapping, Sequence

from fromscratch.advice import Advice, Setting, advice
from fromscratch.checks.start.finding import Finding
from fromscratch.errors import ImageError
from fromscratch.model.image import Platform

_ANYWAY = advice(Setting("start_check", "warn"), " builds it all the same")
By = Mapping[Platform, Sequence[Finding]]


def notes(found: By, *, only_warn: bool) -> list[str]:
    """A line for each note; for errors too, if nothing but warnings is asked for."""
    return [
        advice(f"start check: {where}{finding.text} (", finding.hint, ")")
        for where, finding in _once(found)
        if only_warn or finding.level == "note"
    ]


def refuse(found: By) -> None:
    """Raises one ImageError with all errors, each with its hint; nothing if there are none."""
    errors = [(where, finding) for where, finding in _once(found) if finding.level == "error"]
    if len(errors) == 1:
        where, finding = errors[0]
        raise ImageError(f"the image cannot start: {where}{finding.text}", advice(finding.hint, "; ", _ANYWAY))
    if errors:
        lines: list[str | Advice] = []
        for where, finding in errors:
            lines += [f"\n{where}{finding.text}\n  -> ", advice(finding.hint)]
        raise ImageError(advice("the image cannot start:", *lines), advice("fix them; ", _ANYWAY))


def _once(found: By) -> list[tuple[str, Finding]]:
    """Each finding once; with its platform, if not all of several have it."""
    rows: dict[Finding, list[Platform]] = {}
    for platform, findings in found.items():
        for finding in findings:
            rows.setdefault(finding, []).append(platform)
    return [
        ("" if len(platforms) == len(found) else f"{', '.join(map(str, platforms))}: ", finding)
        for finding, platforms in rows.items()
    ]

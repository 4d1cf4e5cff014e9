"""`verify`: prove that a small image does what the full one does."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fromscratch.advice import Command, Setting, advice
from fromscratch.cli.call import Call
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.checks.contract import Check
    from fromscratch.flow.images_by_name import Found
    from fromscratch.flow.recording import RecordingJob
    from fromscratch.flow.slim import SlimJob
    from fromscratch.proof.verdict import Verdict
    from fromscratch.recipe.slimming import SlimRecipe


def verify(
    call: Call,
    *,
    image: str | None,
    against: str | None,
    checks: Sequence[tuple[str, str]],
    ignore_output: Sequence[str],
    repair: bool,
    recorder: str | None,
    json: bool,
) -> None:
    from fromscratch.cli.output import verdicts
    from fromscratch.cli.smoke_checks import checks_of, regex

    patterns = [regex("ignore-output", text) for text in ignore_output]
    written: list[str] = []
    folder = _slimmed_folder(image)
    asked = checks_of(checks)
    if folder is not None and against is None:
        verdict, written = _of_slimmed(call, folder, asked, patterns, repair=repair, recorder=recorder)
    elif repair:
        raise UsageError("--repair is for what slim has made", "name its output folder, such as build/NAME-slim")
    else:
        verdict = _of_images(call, image, against, asked, patterns, recorder)
    if not verdict.proven:
        from fromscratch.proof.slimming import NotProven

        raise NotProven(verdict, repairable=folder is not None)
    call.result(
        verdicts.facts(verdict), "\n".join([*(line.strip() for line in verdicts.lines(verdict)), *written]), json
    )


def _slimmed_folder(image: str | None) -> Path | None:
    """The output folder of `slim` that is meant: itself, its layout, its slim.yaml or its name; None if it is none."""
    from fromscratch.flow.output import LAYOUT
    from fromscratch.flow.slim_output import RECIPE
    from fromscratch.images import catalogue

    if image is None:
        return None
    line = catalogue.of_name(image)
    place = Path(image.removeprefix(line.scheme) if line else image)
    for folder in (place, place.parent, Path("build") / place):
        if (folder / RECIPE).is_file() and place in (folder, folder / LAYOUT, folder / RECIPE, Path(folder.name)):
            return folder
    return None


def _of_slimmed(
    call: Call,
    folder: Path,
    asked: "Sequence[Check]",
    patterns: Sequence[str],
    *,
    repair: bool,
    recorder: str | None,
) -> tuple["Verdict", list[str]]:
    """The verdict on what `slim` has written, by the checks that it was made by if no others are given.

    With `repair` there are lines about what was written besides.
    """
    from fromscratch.flow.images_by_name import in_build
    from fromscratch.flow.slim_output import RECIPE
    from fromscratch.proof import verdict as verdicts
    from fromscratch.proof.verify import verify
    from fromscratch.recipe.slimming import load

    recipe = load(folder / RECIPE)
    known = tuple(each.check(folder.absolute()) for each in recipe.checks)
    checks = tuple(asked) or known
    if not checks:
        raise UsageError(f"{folder}: it was made of traces alone, so there are no checks to prove it by", _HOW)
    if repair:
        every = (*known, *(each for each in asked if each not in known))
        return _repaired(_job(call, folder, recipe, every, recorder), patterns)
    full = _full(call, recipe)
    found = verify(
        _recording(call, full, recorder), _recording(call, in_build(folder), recorder), checks, ignore=patterns
    )
    verdicts.write(found, folder)
    return found, []


def _repaired(job: "SlimJob", patterns: Sequence[str]) -> tuple["Verdict", list[str]]:
    """The verdict on the small image as it is written anew, and what has come to it."""
    from fromscratch.cli.output.sizes import counted
    from fromscratch.cli.verbs.slim import lines
    from fromscratch.flow import evidence
    from fromscratch.paths import shown
    from fromscratch.proof.slimming import slim_proven

    former = evidence.read(job.output)
    proven = slim_proven(job, ignore=patterns)
    image = proven.slimmed.built.images[0]
    before = former.of(image.platform).entries if former else {}
    added = [shown(path) for path in proven.slimmed.built.evidence.of(image.platform).entries if path not in before]
    more = f" and {len(added) - _SHOWN} more" if len(added) > _SHOWN else ""
    what = f"{counted(len(added), 'entry', 'entries')} added{added and ': '}{', '.join(added[:_SHOWN])}{more}"
    return proven.verdict, [what, *lines(job, proven.slimmed)[:2]]


_SHOWN = 5
_HOW = "say what it has to do: --check CMD, --http-get URL or --script FILE"


def _full(call: Call, recipe: "SlimRecipe") -> "Found":
    """The image that a small one was made of. Raises UsageError if it is another now."""
    from fromscratch.cli.chosen_image import target
    from fromscratch.flow.slim_output import digest
    from fromscratch.model.image import Platform
    from fromscratch.slimming import fitness

    if recipe.platform and not call.platforms:
        call.platforms = (Platform.parse(recipe.platform),)
    full = target(call, recipe.image)
    fitness.check_digest(digest(full), recipe.digest, full.where, any_image=recipe.any_image)
    return full


def _job(
    call: Call, folder: Path, recipe: "SlimRecipe", checks: "tuple[Check, ...]", recorder: str | None
) -> "SlimJob":
    from fromscratch.cli.verbs.slim import job_of
    from fromscratch.recipe.checks import options_of

    traces = [str(folder / each) for each in recipe.traces]
    written = [options_of(check, folder.absolute()) for check in checks]
    job = job_of(call, replace(recipe, traces=traces, checks=written), "/", str(folder))
    return replace(job, checks=checks, recorder=recorder)


def _of_images(
    call: Call,
    image: str | None,
    against: str | None,
    checks: "Sequence[Check]",
    patterns: Sequence[str],
    recorder: str | None,
) -> "Verdict":
    """The verdict on any two images."""
    from fromscratch.cli.chosen_image import target
    from fromscratch.proof.verify import verify

    if against is None:
        made = Command(("slim",))
        raise UsageError(
            f"there is no full image to compare with: {image or 'the build'} is not what slim has written",
            advice("name it with ", Setting("against", "IMAGE"), "; or name the output folder of `", made, "`"),
        )
    if not checks:
        raise UsageError("there are no checks", _HOW)
    full, small = target(call, against), target(call, image)
    return verify(_recording(call, full, recorder), _recording(call, small, recorder), checks, ignore=patterns)


def _recording(call: Call, found: "Found", recorder: str | None) -> "RecordingJob":
    from fromscratch.flow import recording

    job = recording.job_of(found, found.tree(call.store, call.limits), call.store.workspace("run", "roots"))
    return replace(job, recorder=recorder, progress=call.progress)

"""A small image that is proven before it is written: its checks pass as in the full one, and nothing is missed."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.advice import Setting, advice
from fromscratch.errors import ImageError
from fromscratch.flow import slim
from fromscratch.flow.slim import Basis, Chosen, SlimJob
from fromscratch.flow.slim_output import Slimmed
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.trace import text
from fromscratch.paths import shown
from fromscratch.proof.lost import Lost
from fromscratch.proof.verdict import Verdict, write
from fromscratch.proof.verify import as_trace, verify

_MOST_ROUNDS = 20
_SHOWN = 20


class NotProven(ImageError):
    """A small image does not do what the full one does; `verdict` has what differs."""

    def __init__(self, verdict: Verdict, *, repairable: bool) -> None:
        lines = [f"  {change.check}: {change.text}" for change in verdict.changes]
        lines += [f"  {shown(each.path)} is not there{_who(each)}" for each in verdict.lost]
        if len(lines) > _SHOWN:
            lines[_SHOWN:] = [f"  and {len(lines) - _SHOWN} more"]
        fix = advice("have what it lacks added with ", Setting("repair"), ", or keep it with ", Setting("keep", "PATH"))
        hint = fix if repairable else advice("keep what it lacks with ", Setting("keep", "PATH"))
        if verdict.changes and not verdict.lost:
            hint = advice(hint, "; what may differ is left out with ", Setting("ignore-output", "REGEX"))
        super().__init__("\n".join(["the small image does not do what the full one does", *lines]), hint)
        self.verdict = verdict


class Proven(Struct, frozen=True):
    """The small image as it was written, and the verdict on it."""

    slimmed: Slimmed
    verdict: Verdict


def slim_proven(job: SlimJob, *, ignore: Sequence[str] = (), repair: bool = True) -> Proven:
    """Make the small image of a job with checks, and write it when it is proven; the verdict is written beside it.

    With `repair`, what a round misses is added for the next, until nothing is new. Raises NotProven, and what
    `flow.slim` raises.
    """
    job.store.lock_against_removal()
    found = slim.basis(job)
    chosen, verdict = _rounds(job, found, ignore, repair=repair)
    if not verdict.proven:
        raise NotProven(verdict, repairable=not repair)
    slimmed = slim.finish(job, chosen)
    image = slimmed.built.images[0]
    verdict = replace(verdict, small=str(image_documents(image).descriptor.digest))
    write(verdict, job.output)
    return Proven(slimmed, verdict)


def _rounds(job: SlimJob, found: Basis, ignore: Sequence[str], *, repair: bool) -> tuple[Chosen, Verdict]:
    full = slim.recording_of(job, found.tree)
    added: dict[str, Lost] = {}
    for _ in range(_MOST_ROUNDS):
        chosen = slim.choose(job, found)
        small = replace(slim.recording_of(job, chosen.selection.tree), digest="")
        verdict = verify(full, small, job.checks, ignore=ignore, answered=found.answers)
        verdict = replace(verdict, repaired=tuple(added.values()))
        fresh = [each for each in verdict.lost if each.path not in added]
        if not (repair and fresh):
            break
        job.progress.note(f"{len(fresh)} paths were missed in the small image, and are added: {_listed(fresh)}")
        added.update((each.path, each) for each in fresh)
        found = replace(found, trace=text.merge([found.trace, as_trace(fresh, full.digest)]))
    return chosen, verdict


def _who(each: Lost) -> str:
    return f", and {shown(each.process)} asked for it" if each.process else ""


def _listed(found: Sequence[Lost]) -> str:
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(shown(each.path) for each in found[:3]) + more

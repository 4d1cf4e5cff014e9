"""Proof that a small image does what the full one does: the same checks are made in both, recorded and compared."""

from collections.abc import Sequence

from fromscratch.checks.contract import Check, Results
from fromscratch.checks.report import ChecksFailed
from fromscratch.flow.recording import RecordingJob, record_checks
from fromscratch.formats.trace.events import Event, Run, Trace
from fromscratch.proof.answers import compare, same_output
from fromscratch.proof.lost import Lost, lost
from fromscratch.proof.verdict import Verdict


def verify(
    full: RecordingJob,
    small: RecordingJob,
    checks: Sequence[Check],
    *,
    ignore: Sequence[str] = (),
    answered: Results | None = None,
) -> Verdict:
    """Make the checks in both images. `answered` are the full one's results where they are known already.

    What a regular expression of `ignore` matches in output does not count. Raises ChecksFailed where the full image
    fails its own checks, ImageError for a recording that is not complete.
    """
    first = answered or _answers(full, checks)
    if first.failed:
        raise ChecksFailed(first, "the full image")
    recorded, results = record_checks(small, checks)
    recorded.check_complete("the proof")
    # Only output that differs needs to be known to vary.
    again = first if same_output(first, results, ignore) else _answers(full, checks)
    events = recorded.trace.events
    found = compare(first, again, results, ignore)
    if found.changes and not results.failed:  # two runs may agree by chance on what varies, such as a size or a time
        recorded_again, results_again = record_checks(small, checks)
        events = (*events, *recorded_again.trace.events)
        found = compare(first, again, results, ignore, small_again=results_again)
    return Verdict(
        full=full.digest,
        small=small.digest,
        checks=tuple(check.title for check in checks),
        recorder=recorded.trace.runs[0].recorder,
        changes=found.changes,
        lost=lost(events, full.tree, small.tree),
        varying=found.varying,
    )


def _answers(job: RecordingJob, checks: Sequence[Check]) -> Results:
    return record_checks(job, checks)[1]


def as_trace(found: Sequence[Lost], image: str) -> Trace:
    """What a small image lacked, as the trace of one more run of the full image, by which it is kept the next time."""
    run = Run(command=("verify",), image=image, recorder="verify")
    return Trace((run,), tuple(Event("open", each.path, each.process) for each in found))

"""Which recorder is used: the one that is asked for, else the first that works here, found out by trying."""

from msgspec import Struct

from fromscratch.advice import Setting, advice
from fromscratch.errors import MissingTool, UsageError
from fromscratch.nearest import nearest
from fromscratch.tracing.by_notification import Notification, NotificationWithNet
from fromscratch.tracing.by_strace import Strace
from fromscratch.tracing.contract import Recorder, Target

RECORDERS: tuple[Recorder, ...] = (NotificationWithNet(), Notification(), Strace())
"""In the order of choice."""


_PLURALS = {"command": "commands on this machine", "image": "images"}


class Choice(Struct, frozen=True):
    """A recorder, and a line that says why it is this one."""

    recorder: Recorder
    reason: str


def names() -> tuple[str, ...]:
    return tuple(recorder.name for recorder in RECORDERS)


def choose(requested: str | None, target: Target) -> Choice:
    """The recorder for a target. Raises UsageError for a name that there is not, MissingTool where none works."""
    if requested is not None:
        return Choice(_requested(requested, target), "as asked for")
    refusals: list[str] = []
    for recorder in RECORDERS:
        if target not in recorder.targets:
            continue
        refusal = recorder.refusal()
        if not refusal:
            return Choice(recorder, "; ".join(refusals) or "the most complete of those for this")
        refusals.append(f"not by {recorder.name}: {refusal}")
    raise MissingTool(
        f"nothing can record here: {'; '.join(refusals)}",
        "install strace, or record on another machine and bring the trace, a log of strace or a list of paths here",
    )


def _requested(name: str, target: Target) -> Recorder:
    found = next((recorder for recorder in RECORDERS if recorder.name == name), None)
    if found is None:
        near = nearest(name, names())
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names())}"
        raise UsageError(advice(Setting("recorder", name), ": there is no such recorder"), hint)
    refusal = f"it is not for {_PLURALS[target]}" if target not in found.targets else found.refusal()
    if refusal:
        raise MissingTool(
            f"the recorder {name} does not work here: {refusal}",
            advice("leave ", Setting("recorder"), " out, and one that works is chosen"),
        )
    return found

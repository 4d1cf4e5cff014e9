"""Whether a trace says anything of an image: where it was recorded, and how much of what it names the image has."""

from collections.abc import Iterator

from fromscratch.advice import Setting, advice
from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.trace.events import Trace
from fromscratch.model.entry import File
from fromscratch.paths import shown
from fromscratch.slimming.retained import TRACE
from fromscratch.slimming.selection import Selection

_FEWEST = 10  # paths, of which a share means something
_SECRETS = ("/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-")


def check_recorded(trace: Trace, image: str, where: str, *, any_image: bool) -> None:
    """Raises UsageError for a trace without events, or one of another image than that with this manifest's digest."""
    if not trace.events:
        raise UsageError("the trace is empty: no run used any file", "record one while the image does what it is for")
    others = sorted({run.image for run in trace.runs if run.image and run.image != image})
    if others and not any_image:
        raise UsageError(
            f"the trace was recorded in another image, {others[0]}; {where} is {image or 'a root without a digest'}",
            advice("record one in this image, or use it all the same with ", Setting("any_image")),
        )


def check_fit(selection: Selection, where: str, *, any_image: bool) -> None:
    """Raises ImageError for a trace of which the image has nearly nothing."""
    use = selection.use
    total = use.present + len(use.absent)
    if use.present and (any_image or total < _FEWEST or use.present * 4 >= total):
        return
    examples = f", and not {', '.join(shown(path) for path in use.absent[:3])}" if use.absent else ""
    raise ImageError(
        f"{where} has {use.present} of the {total} paths that the trace names{examples}",
        advice("see whether it was recorded in this image; or use it all the same with ", Setting("any_image")),
    )


def notes(selection: Selection) -> Iterator[str]:
    """What is worth a word about what is kept."""
    use = selection.use
    if use.outside:
        more = f" and {len(use.outside) - 1} more" if len(use.outside) > 1 else ""
        yield f"{shown(use.outside[0])}{more}: the path leads above the root, where a container stays in it"
    for path in _SECRETS:
        entry = selection.tree.get(path)  # type: ignore[call-overload]
        if isinstance(entry, File):
            origin = next((each for each in entry.origins if each.source == TRACE), None)
            reason = f"{origin.reason} {origin.detail}" if origin else "it is needed"
            yield advice(f"{path} is kept ({reason}); leave it out with ", Setting("drop", path))

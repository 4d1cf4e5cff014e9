"""Whether a trace says anything of an image: where it was recorded, and how much of what it names the image has."""

from collections.abc import Iterator

from fromscratch.advice import Setting, advice
from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.trace.events import Trace
from fromscratch.model.entry import Entry, File, HardLink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import shown
from fromscratch.slimming.retained import TRACE
from fromscratch.slimming.selection import Selection

_ANYWAY = advice("; or use it all the same with ", Setting("any_image"))
_FEWEST = 10  # paths, of which a share means something
_FEWEST_OF_SEARCH = 500
_SECRETS = ("/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-")


def check_digest(image: str, expected: str, where: str, *, any_image: bool) -> None:
    """Raises UsageError for another image than that with the manifest that a recipe names."""
    if expected and image != expected and not any_image:
        raise UsageError(
            f"{where} is {image or 'a root without a digest'}, and the recipe is for {expected}",
            advice(
                "make its checks anew with ", Setting("record"), ", or take it all the same with ", Setting("any_image")
            ),
        )


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


def is_recorded_in(trace: Trace, image: str) -> bool:
    """Whether each run was one of the image with this manifest's digest."""
    return bool(image and trace.runs) and all(run.image == image for run in trace.runs)


def check_fit(selection: Selection, where: str, *, any_image: bool) -> None:
    """Raises ImageError for a trace of which the image has nothing, or, unless any will do, nearly nothing.

    That is asked where it is not known which image was recorded: a server that makes its database at the first start
    uses many more files of its own than of its image.
    """
    use = selection.use
    total = use.present + len(use.absent)
    if use.unstarted and not any_image:
        raise ImageError(
            f"the trace is of another image: {shown(use.unstarted[0])}, which was started, is not in {where}",
            advice("see whether it was recorded in this image", _ANYWAY),
        )
    has_file = any(_is_used(entry) for entry in selection.tree.values())
    if has_file and (any_image or total < _FEWEST or use.present * 4 >= total):
        return
    examples = f", and not {', '.join(shown(path) for path in use.absent[:3])}" if use.absent else ""
    found = f"{use.present} of the {total} paths" if has_file else "no file of all"
    raise ImageError(
        f"{where} has {found} that the trace names{examples}",
        advice("see whether it was recorded in this image", *([] if not has_file else [_ANYWAY])),
    )


def _is_used(entry: Entry) -> bool:
    return isinstance(entry, File | HardLink) and any(origin.source == TRACE for origin in entry.origins)


def notes(selection: Selection, whole: Rootfs) -> Iterator[str]:
    """What is worth a word about what is kept of the whole tree."""
    use = selection.use
    if use.outside:
        more = f" and {len(use.outside) - 1} more" if len(use.outside) > 1 else ""
        yield f"{shown(use.outside[0])}{more}: the path leads above the root, where a container stays in it"
    for program, count in use.programs.items():
        if program and count >= _FEWEST_OF_SEARCH and count * 2 > len(whole):
            yield advice(
                f"{shown(program)} has used {count} files and folders, as a search does, and they are all kept; ",
                Setting("exclude", program),
                " takes no notice of it",
            )
    for path in _SECRETS:
        entry = selection.tree.get(path)  # type: ignore[call-overload]
        if isinstance(entry, File):
            origin = next((each for each in entry.origins if each.source == TRACE), None)
            reason = f"{origin.reason} {origin.detail}" if origin else "it is needed"
            yield advice(f"{path} is kept ({reason}); leave it out with ", Setting("drop", path))

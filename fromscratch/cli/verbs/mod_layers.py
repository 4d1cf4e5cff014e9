"""What `mod --append` puts on top of an image."""

from collections.abc import Sequence
from pathlib import Path

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError
from fromscratch.flow import images_by_name
from fromscratch.flow.modification import FilesOnTop, ImageOnTop, OnTop, TarOnTop
from fromscratch.host.machine.lookup import expanded
from fromscratch.host.registry.access import Access
from fromscratch.images import catalogue
from fromscratch.paths import tree_path
from fromscratch.transforms.placement import parse_owner


def on_top(call: Call, texts: Sequence[str], owner: str, access: Access) -> tuple[OnTop, ...]:
    """What --append names, in the order of the call. Raises UsageError."""
    try:
        owners = parse_owner(owner)
    except ValueError as error:
        raise UsageError(f"--{error}") from error
    return tuple(_on_top(call, text, owners, access) for text in texts)


def _on_top(call: Call, text: str, owner: tuple[int, int] | None, access: Access) -> OnTop:
    path, into = _parted(expanded(text))
    if catalogue.of_name(text) is None and path.exists():
        if path.is_file():
            return FilesOnTop(path, tree_path(into), owner) if into else TarOnTop(path)
        if not into and (name := _image_in(path)):
            text = name
        elif into or not images_by_name.is_build(path):
            return FilesOnTop(path, tree_path(into or "/"), owner)
    if "/" in text and catalogue.of_name(text) is None and not path.exists() and text.startswith((".", "/", "~")):
        raise UsageError(f"--append {text}: there is no {path}", "fix the path, or name an image with its kind")
    found = images_by_name.find_all(text, call.store, progress=call.progress, limits=call.limits, access=access)
    return ImageOnTop(text, tuple(found))


def _image_in(folder: Path) -> str:
    """The name of the image that a folder is the container of; empty if it is none."""
    for line in catalogue.readable():
        shown_by = getattr(catalogue.load(line), "shown_by", "")
        if shown_by and (folder / shown_by).is_file():
            return f"{line.scheme}{folder}"
    return ""


def _parted(text: str) -> tuple[Path, str]:
    """PATH and DEST of PATH:/DEST; as much as exists is a path."""
    path, colon, into = text.rpartition(":/")
    return (Path(path), f"/{into}") if colon and path and not Path(text).exists() else (Path(text), "")

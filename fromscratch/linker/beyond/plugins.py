"""Finder of files that a program opens by itself, as the patterns of the user name them."""

from collections.abc import Iterator, Sequence

from fromscratch import paths
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Scene
from fromscratch.model import view as views
from fromscratch.model.entry import Directory

KIND = "plugins"


def find(scene: Scene, *, patterns: Sequence[str] = ()) -> Iterator[Finding]:
    """What the patterns match, folders with all below them."""
    by = next(iter((*scene.requested, *scene.objects)), paths.ROOT)
    for pattern in dict.fromkeys(patterns):
        matched = list(views.glob(scene.view, pattern)) if pattern.startswith("/") else []
        if not matched:
            hint = "" if pattern.startswith("/") else "; write it from the root, as in /usr/lib/git-core/git-*"
            yield FinderWarning(f"nothing here matches {pattern}{hint}", KIND)
        for path in matched:
            whole = isinstance(views.look(scene.view, path), Directory)
            yield NeededFile(
                path, by, f"{by} (named by the pattern {pattern})", KIND, "declared", whole=whole, optional=True
            )

"""The start check of each image of a build: what it says goes to the user, into the evidence, or ends the build."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fromscratch.flow.evidence import StartFinding
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, encode
from fromscratch.progress import Progress
from fromscratch.recipe.schema import Recipe
from fromscratch.sources.contract import Source

if TYPE_CHECKING:
    from fromscratch.checks.start.finding import Finding


class StartChecks:
    """The start checks of one build, a platform at a time, as its recipe says under `check:`."""

    def __init__(self, recipe: Recipe, progress: Progress) -> None:
        self._progress, self._mode = progress, recipe.start_check
        self._found: dict[Platform, list[Finding]] = {}

    def allow(
        self,
        platform: Platform,
        tree: Rootfs,
        removed: Mapping[TreePath, str],
        sources: Sequence[Source],
        config: RunConfig,
    ) -> bool:
        """Look at a finished tree; whether its image is to be made, and none before it was refused."""
        if self._mode == "off":
            return True
        from fromscratch.checks.start.check import start_check

        self._found[platform] = start_check(
            tree,
            config,
            platform,
            removed=removed,
            library_path=[folder for source in sources for folder in source.library_path],
            may_lack=lambda library: any(source.may_lack(library) for source in sources),
        )
        errors = [each for findings in self._found.values() for each in findings if each.level == "error"]
        return self._mode == "warn" or not errors

    def report(self) -> None:
        """Tell the notes of all platforms. Raises ImageError for the errors, unless they are to be notes too."""
        if not any(self._found.values()):
            return
        from fromscratch.checks.start import report

        for line in report.notes(self._found, only_warn=self._mode == "warn"):
            self._progress.note(line)
        if self._mode == "error":
            report.refuse(self._found)

    def recorded(self, platform: Platform) -> list[StartFinding] | None:
        """What the evidence of a platform's image holds of it; None if nothing was looked at."""
        if platform not in self._found:
            return None
        return [StartFinding(each.level, _text(each.text), _text(each.hint)) for each in self._found[platform]]


def _text(words: str) -> str:
    """Words that may name a path of any bytes, in a form that JSON can hold."""
    return encode(words).decode("utf-8", "backslashreplace")

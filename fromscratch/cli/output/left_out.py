"""Commands in scripts of packages that were not followed, in lines."""

from __future__ import annotations

from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fromscratch.flow.evidence import ImageEvidence
    from fromscratch.transforms.shell.left_out import LeftOut

_GRAVEST_FIRST = ("account", "owner", "content", "folder", "link", "program", "cache")
_WIDTH = 60


def left_out_lines(evidence: ImageEvidence, *, every: bool = False) -> list[str]:
    """A line for each package, about the command that matters most; with `every` one for each command."""
    by_package: dict[str, list[LeftOut]] = {}
    for source in evidence.sources:
        for one in source.left_out:
            by_package.setdefault(one.package, []).append(one)
    ranked = {
        package: sorted(found, key=lambda one: (_GRAVEST_FIRST.index(one.matter), one.script, one.line))
        for package, found in by_package.items()
    }
    order = sorted(ranked, key=lambda package: (_GRAVEST_FIRST.index(ranked[package][0].matter), package))
    return [line for package in order for line in _lines(package, ranked[package], every)]


def _lines(package: str, found: Sequence[LeftOut], every: bool) -> list[str]:
    if every:
        return [f"  {package}: left out: {_shown(one)}" for one in found]
    more = f"; --all lists {len(found) - 1} more" if len(found) > 1 else ""
    return [f"  {package}: left out: {_shown(found[0])}{more}"]


def _shown(one: LeftOut) -> str:
    command = " ".join(one.command.split())
    command = command if len(command) <= _WIDTH else f"{command[: _WIDTH - 1]}…"
    return f"{command} ({one.place}: {' '.join(one.why.split())})"

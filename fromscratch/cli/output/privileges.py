"""Programs of a finished image that give whoever starts them more rights than they have, as a summary names them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fromscratch.flow.evidence import ImageEvidence

_SHOWN = 10
_KINDS = {"setuid": "setuid", "setgid": "setgid", "capabilities": "with capabilities"}


def rights(evidence: "ImageEvidence") -> dict[str, list[str]]:
    """The paths of all of them, by "setuid", "setgid" and "capabilities"."""
    return {kind: evidence.privileged.get(kind, []) for kind in _KINDS}


def rights_lines(evidence: "ImageEvidence") -> list[str]:
    """A line a kind that there is, of many programs the first few."""
    lines = []
    for kind, paths in rights(evidence).items():
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        lines += [f"  {_KINDS[kind]}: {', '.join(paths[:_SHOWN])}{more}"] if paths else []
    return lines

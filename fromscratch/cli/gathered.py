"""The answer of `closure` where it follows what linking does not show."""

from collections.abc import Sequence
from typing import Any

from fromscratch.cli.closures import missing_facts, objects, told
from fromscratch.errors import UsageError
from fromscratch.linker.closure import Linker
from fromscratch.linker.gather import Gathered, gather
from fromscratch.model.entry import Directory, Origin, Symlink
from fromscratch.model.listing import quoted
from fromscratch.sources.binaries.finders import finders
from fromscratch.sources.binaries.options import BinariesOptions

_LABEL = "closure"
_LINKS_AND_SCRIPTS = {"dlopen": "none", "nss": "none", "certificates": "none", "python": "none"}


class Answer:
    """What `closures.Answer` says, and the files beyond that."""

    def __init__(self, linker: Linker, paths: Sequence[str], *, beyond: bool) -> None:
        """Raises UsageError for a file that is neither a program nor a script."""
        switched = {} if beyond else _LINKS_AND_SCRIPTS
        options = BinariesOptions(paths=list(paths), **switched)  # type: ignore[arg-type]
        asked = {path: Origin(_LABEL, "asked for", path) for path in paths}
        found = gather(linker, asked, list(finders(options)), _LABEL)
        if not found.objects:
            raise UsageError(f"{paths[0]} is neither an ELF file nor a script", "name a program, a library or a script")
        self.missing, self.unmet = found.missing, found.unmet
        known = objects(found.programs)
        for each in found.objects:
            if each.path in known:
                known[each.path]["confidence"] = each.confidence
        self.facts: dict[str, Any] = {
            "objects": list(known.values()),
            "missing": [missing_facts(each) for each in found.missing],
            "unmet": [each._asdict() for each in found.unmet],
            "files": _files(found),
            "offers": [{"what": each.what, "option": each.option, "size": each.size} for each in found.offers],
            "warnings": list(found.warnings),
        }
        self.text = _text(found, self.facts)


def _files(found: Gathered) -> list[dict[str, Any]]:
    """What is taken besides objects, folders and symlinks, with its first reason."""
    objects_ = {each.place for each in found.objects}
    return [
        {"path": quoted(path), "why": f"{entry.origins[0].reason} {entry.origins[0].detail}"}
        for path, entry in sorted(found.entries.items())
        if path not in objects_ and not isinstance(entry, Directory | Symlink)
    ]


def _text(found: Gathered, facts: dict[str, Any]) -> str:
    lines = [line for program in found.programs for line in told(program)]
    if facts["files"]:
        lines += ["", "files:", *(f"  {each['path']}  ({each['why']})" for each in facts["files"])]
    if found.offers:
        lines += ["", "not taken:", *(f"  {each.what}: {each.option}" for each in found.offers)]
    return "\n".join([*lines, *(f"warning: {text}" for text in found.warnings)])

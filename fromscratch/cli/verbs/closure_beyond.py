"""The answer of `closure` where it follows what linking does not show."""

from collections.abc import Sequence
from typing import Any

from fromscratch.cli.output.offers import offer_facts
from fromscratch.cli.output.settings import option, spelled
from fromscratch.cli.verbs.closure_links import lack, missing_facts, objects, program_lines
from fromscratch.errors import UsageError
from fromscratch.linker.beyond.scripts.shebang import HEAD, shebang
from fromscratch.linker.closure import Linker
from fromscratch.linker.gather import GatherResult, gather
from fromscratch.linker.offers import SHOWN
from fromscratch.model.entry import Directory, Origin, Symlink
from fromscratch.model.listing import quoted
from fromscratch.paths import shown
from fromscratch.sources.binaries.finders import finders
from fromscratch.sources.binaries.options import BinariesOptions

_LABEL = "closure"
_BEYOND = (
    "data",
    "dlopen",
    "nss",
    "shell",
    "utf8",
    "certificates",
    "python",
    "perl",
    "ruby",
    "node",
    "java",
    "languages",
)


class Answer:
    """What `closures.Answer` says, and the files beyond that."""

    def __init__(self, linker: Linker, paths: Sequence[str], *, beyond: bool, every_offer: bool) -> None:
        """Raises UsageError for a file that is neither a program nor a script."""
        for path in paths:
            _check(linker, path)
        switched: dict[str, Any] = {} if beyond else dict.fromkeys(_BEYOND, "none")
        options = BinariesOptions(paths=list(paths), **switched)
        asked = {path: Origin(_LABEL, "asked for", path) for path in paths}
        found = gather(linker, asked, list(finders(options)), _LABEL)
        self.missing, self.missing_versions = found.missing, found.missing_versions
        known = objects(found.programs)
        for each in found.objects:
            if each.path in known:
                known[each.path]["confidence"] = each.confidence
        self.facts: dict[str, Any] = {
            "objects": list(known.values()),
            "missing": [missing_facts(each) for each in found.missing],
            "unmet": [each._asdict() for each in found.missing_versions],
            "files": _files(found),
            "offers": offer_facts(found.offers),
            "warnings": list(map(spelled, found.warnings)),
        }
        self.text = _text(found, self.facts, None if every_offer else SHOWN)


def _check(linker: Linker, path: str) -> None:
    found = linker.file(path)
    if found is not None and found[1].elf is None:
        with found[0].reading(path) as read:
            if shebang(read(0, HEAD)) is None:
                problem = f"{shown(path)} is neither an ELF file nor a script"
                raise UsageError(problem, "name a program, a library or a script")


def _files(found: GatherResult) -> list[dict[str, Any]]:
    """What is taken besides objects, folders and symlinks, with its first reason."""
    objects_ = {each.place for each in found.objects}
    return [
        {"path": quoted(path), "why": f"{entry.origins[0].reason} {entry.origins[0].detail}"}
        for path, entry in sorted(found.entries.items())
        if path not in objects_ and not isinstance(entry, Directory | Symlink)
    ]


def _text(found: GatherResult, facts: dict[str, Any], most: int | None) -> str:
    """`most` is how many offers are listed; None for all."""
    lines = [line for program in found.programs for line in program_lines(program)]
    linked = {missing for program in found.programs for missing in program.missing}
    lines += [f"missing: {lack(each)}" for each in found.missing if each not in linked]
    if facts["files"]:
        lines += ["", "files:", *(f"  {each['path']}  ({each['why']})" for each in facts["files"])]
    if found.offers:
        lines += ["", "not taken:", *(f"  {each.what}: {option(each.setting)}" for each in found.offers[:most])]
        left = len(found.offers[most:]) if most is not None else 0
        lines += [f"  … and {left} more: --all"] if left else []
    return "\n".join([*lines, *(f"warning: {spelled(text)}" for text in found.warnings)])

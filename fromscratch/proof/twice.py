"""Whether a recipe gives the same image twice: it is built once more under other conditions, and compared."""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.flow import assembly, evidence
from fromscratch.flow.assembly import Job
from fromscratch.flow.output import Built
from fromscratch.formats.oci import documents as oci
from fromscratch.model.entry import Origin
from fromscratch.paths import TreePath
from fromscratch.proof.conditions import Condition
from fromscratch.proof.difference import Difference, Field, Kind
from fromscratch.proof.documents import first_field
from fromscratch.proof.images import first_difference_of_all
from fromscratch.proof.laboratory import Again, Laboratory, digest_of, evidence_of, laboratory
from fromscratch.regular_file import read_bytes

_CHANGED = "files that the recipe names have changed between the two builds"
_BY_ITSELF = "nothing that was varied makes it: two builds under the same conditions differ too"
_TOGETHER = "no condition makes it alone: only several of them together"


class Twice(Struct, frozen=True, kw_only=True):
    """`digest` is that of the first build's manifest or image index.

    Of a difference, `cause` says in a sentence what makes it, `changed` whether that is a change of the recipe's
    files between the builds, and `origins` why the entry is there.
    """

    built: Built
    digest: str
    conditions: tuple[Condition, ...]
    difference: Difference | None = None
    cause: str = ""
    changed: bool = False
    origins: tuple[Origin, ...] = ()


def build_twice(job: Job) -> Twice:
    """Build, and build again from the same store, in a process that differs in all that no image may depend on.

    The output folder holds the first build, which may be an earlier one; the second is removed. What a source
    has built is in the store, and not built again. Raises what `build` does.
    """
    job = assembly.settled(job)
    built = assembly.build(job)
    with laboratory(job) as place:
        with job.progress.task("build again under other conditions", unit="builds"):
            again = place.again()
        other = again.built
        difference = _difference(job, built, again.layout, other)
        made = Twice(built=built, digest=digest_of(job.layout), conditions=again.conditions, difference=difference)
        if difference is None:
            return made
        with job.progress.task("look for what makes the difference", unit="builds"):
            changed = _has_changed(job, built)
            cause = _CHANGED if changed else _cause(place, again)
        return replace(made, cause=cause, changed=changed, origins=_origins(difference, built, other))


def _difference(job: Job, built: Built, other_layout: Path, other: Built) -> Difference | None:
    return (
        _with_codecs(first_difference_of_all(built.images, other.images, job.limits), built, other)
        or _in_document("index", _index(job.layout), _index(other_layout))
        or _in_document("evidence", evidence_of(built), evidence_of(other))
    )


def _with_codecs(difference: Difference | None, *builds: Built) -> Difference | None:
    """With what compressed the two, of a layer that differs in nothing else."""
    if difference is None or difference.kind != "compression":
        return difference
    images = [image for built in builds for image in built.evidence.images if image.platform == difference.platform]
    left, right = (image.packed[difference.layer - 1].codec for image in images)
    codec = (Field("codec", left, right),) if left != right else ()
    return replace(difference, fields=(*codec, *difference.fields))


def _in_document(kind: Kind, left: Any, right: Any) -> Difference | None:
    field = first_field(left, right)
    return Difference(kind=kind, fields=(field,)) if field else None


def _index(layout: Path) -> Any:
    return json.loads(read_bytes(layout / oci.INDEX_FILE))


def _has_changed(job: Job, built: Built) -> bool:
    bound = {platform: tuple(assembly.sources(job, platform)) for platform in job.platforms}
    return assembly.fingerprint(job, bound) != built.evidence.inputs


def _cause(place: Laboratory, again: Again) -> str:
    """Which condition it is: each is varied by itself, until one makes a difference to a build that varies none."""
    plain = place.result(())
    if place.result(()) != plain:
        return _BY_ITSELF
    for each in again.conditions:
        if not each.why and place.result((each.name,)) != plain:
            return f"it is the {each.name} that makes it: {each.first} in the one, {each.second} in the other"
    return _TOGETHER


def _origins(difference: Difference, *builds: Built) -> tuple[Origin, ...]:
    """Why the entry is there, by the evidence of the first build that has it."""
    images = [image for built in builds for image in built.evidence.images if image.platform == difference.platform]
    found = (evidence.origins(image, TreePath(difference.path)) for image in images)
    return next(filter(None, found), ()) if difference.path else ()

"""`evidence.json`: what a finished build knows about its own image: the reasons of every file.

The tree itself is in the image's layers; this file adds what a layer cannot carry. Paths are
written as `model.listing` quotes them, so that any name fits into JSON.
"""

import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from fromscratch.address import without_secrets
from fromscratch.advice import Setting, advice
from fromscratch.errors import FormatError, NotFetched
from fromscratch.flow.source_evidence import SourceEvidence
from fromscratch.host.storage import disk
from fromscratch.model.entry import Entry, File, HardLink, Origin
from fromscratch.model.image import Layer, Platform
from fromscratch.model.listing import quoted
from fromscratch.paths import TreePath, encode
from fromscratch.regular_file import read_bytes

if TYPE_CHECKING:
    from fromscratch.formats.packing.layer import Packed

FORMAT = 1
NAME = "evidence.json"
SLIMMED = "slim"
"""The rule, among those by which paths were removed, of what no run used and nothing that is kept needs."""
_CAPABILITY = "security.capability"
_OF_CHECKS = ("headers", "body", "send", "env")
"""The keys of a check whose values may be secrets."""
_LEFT_OUT = "…"


class Reason(Struct, frozen=True, array_like=True):
    """An `Origin`; `because` is the place of the next one in the list of reasons, or -1."""

    source: str
    reason: str
    detail: str
    because: int = -1


class LayerEvidence(Struct, frozen=True, kw_only=True):
    """What a layer holds, and how it was packed: `codec` is the library, its version and the level."""

    digest: str
    diff_id: str
    size: int
    uncompressed_size: int
    codec: str
    comment: str = ""


class StartFinding(Struct, frozen=True):
    """What the start check says of the image: `level` is "error" or "note"."""

    level: str
    text: str
    hint: str


class CheckEvidence(Struct, frozen=True):
    """What came of a smoke check: `state` is "passed", "failed" or "not run", `reason` why, where it has not passed."""

    check: str
    state: str
    reason: str = ""


class ImageEvidence(Struct, frozen=True, kw_only=True):
    """`layers` are digests of blobs, `codec` is what packed them; `packed` has more about each.

    `entries` maps each path to places in `reasons`; `removed` maps what was trimmed to its rule. `privileged` are the
    programs that give whoever starts them more rights than they have: by "setuid", "setgid" and "capabilities".
    `start` is what the start check found, None if it was off; `checks` are the smoke checks that were asked for.
    `sources` are the items of the recipe, each with the inputs that fetch settled.
    """

    platform: str
    layers: list[str]
    codec: str
    reasons: list[Reason]
    entries: dict[str, list[int]]
    removed: dict[str, str] = {}
    packed: list[LayerEvidence] = []
    privileged: dict[str, list[str]] = {}
    start: list[StartFinding] | None = None
    checks: list[CheckEvidence] = []
    sources: list[SourceEvidence] = []


class Evidence(Struct, frozen=True, kw_only=True):
    """`inputs` is a digest of all that the build depended on."""

    format: int = FORMAT
    name: str
    inputs: str
    epoch: int
    recipe: Any
    images: list[ImageEvidence]

    def of(self, platform: Platform | None = None) -> ImageEvidence:
        """The part about one platform; the only or first one by default."""
        for image in self.images:
            if platform is None or image.platform == str(platform):
                return image
        raise NotFetched(
            f"this build has no image for {platform}", advice("build it with ", Setting("platform", str(platform)))
        )


def packers(evidence: Evidence) -> tuple[str, ...]:
    """What compressed the layers: library and version, without the level, which a layer's size decides too."""
    names = (layer.codec for image in evidence.images for layer in image.packed)
    return tuple(dict.fromkeys(name.partition(" level ")[0] for name in names))


def gather(
    platform: Platform,
    layers: "Sequence[tuple[Layer, Packed]]",
    entries: Mapping[TreePath, Entry],
    removed: Mapping[TreePath, str],
    start: list[StartFinding] | None = None,
) -> ImageEvidence:
    """The reasons of a finished tree, and what the start check said of it."""
    reasons = _Reasons()
    return ImageEvidence(
        platform=str(platform),
        layers=[str(layer.digest) for layer, _ in layers],
        codec=", ".join(dict.fromkeys(packed.codec for _, packed in layers)),
        entries={quoted(path): reasons.places(entry.origins) for path, entry in entries.items()},
        reasons=reasons.rows,
        removed={quoted(path): rule for path, rule in removed.items()},
        privileged=_privileged(entries),
        start=start,
        packed=[
            LayerEvidence(
                digest=str(packed.digest),
                diff_id=str(packed.diff_id),
                size=packed.size,
                uncompressed_size=packed.uncompressed_size,
                codec=packed.codec,
                comment=layer.comment,
            )
            for layer, packed in layers
        ],
    )


def origins(evidence: ImageEvidence, path: TreePath) -> tuple[Origin, ...]:
    """The reasons recorded for a path; empty for one that the image has not."""
    return tuple(_origin(evidence, place) for place in evidence.entries.get(quoted(path), ()))


def write(folder: Path, evidence: Evidence) -> None:
    evidence = msgspec.structs.replace(evidence, recipe=concealed(evidence.recipe))
    text = msgspec.json.format(msgspec.json.encode(evidence), indent=1) + b"\n"
    disk.write_atomically(folder / NAME, text)


def read(folder: Path) -> Evidence | None:
    """The evidence of a build folder, or None if nothing was built there. Raises FormatError."""
    path = folder / NAME
    with disk.readable(path):
        try:
            data = read_bytes(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
    try:
        found = msgspec.json.decode(data, type=Evidence)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FormatError(f"{path} is damaged: {error}", "remove it and build again") from error
    for image in found.images:
        known = range(len(image.reasons))
        if not all(place in known for places in image.entries.values() for place in places):
            raise FormatError(f"{path} is damaged: it names reasons that it does not have", "build again")
    return found


def _privileged(entries: Mapping[TreePath, Entry]) -> dict[str, list[str]]:
    """Files that may be executed, by what they run with; a kind without any is left out."""
    found: dict[str, list[str]] = {}
    for path, entry in entries.items():
        if not isinstance(entry, File | HardLink) or not entry.meta.mode & 0o111:
            continue
        for kind, bits in (("setuid", stat.S_ISUID), ("setgid", stat.S_ISGID)):
            if entry.meta.mode & bits:
                found.setdefault(kind, []).append(quoted(path))
        if any(name == _CAPABILITY for name, _ in entry.meta.xattrs):
            found.setdefault("capabilities", []).append(quoted(path))
    return found


class _Reasons:
    """Each reason once; many files share one."""

    def __init__(self) -> None:
        self.rows: list[Reason] = []
        self._known: dict[Origin, int] = {}

    def places(self, origins: Iterable[Origin]) -> list[int]:
        return [self._place(origin) for origin in origins]

    def _place(self, origin: Origin) -> int:
        fresh = []
        place = -1
        for link in origin.chain():
            known = self._known.get(link)
            if known is not None:
                place = known
                break
            fresh.append(link)
        for link in reversed(fresh):
            self.rows.append(Reason(_text(link.source), link.reason, _text(link.detail), place))
            place = self._known[link] = len(self.rows) - 1
        return place


def _text(words: str) -> str:
    """Words that may name a path of any bytes, in a form that JSON can hold: each strange byte as \\xNN."""
    return encode(without_secrets(words)).decode("utf-8", "backslashreplace")


def concealed(value: Any) -> Any:
    """The recipe without secrets, since evidence goes along with an image: no password of a mirror or of a check."""
    match value:
        case str():
            return without_secrets(value)
        case list():
            return [concealed(item) for item in value]
        case dict():
            return {key: _checks(item) if key == "checks" else concealed(item) for key, item in value.items()}
    return value


def _checks(value: Any) -> Any:
    """Smoke checks as they are recorded: a token for the server, or a password for its client, is left out."""
    match value:
        case list():
            return [_checks(item) for item in value]
        case dict():
            return {key: _left_out(item) if key in _OF_CHECKS else concealed(item) for key, item in value.items()}
    return concealed(value)


def _left_out(value: Any) -> Any:
    return dict.fromkeys(value, _LEFT_OUT) if isinstance(value, dict) else value and _LEFT_OUT


def _origin(evidence: ImageEvidence, place: int) -> Origin:
    rows = [evidence.reasons[place]]
    # A reason is always written after the one behind it, so a damaged file cannot lead in a circle.
    while 0 <= rows[-1].because < place:
        place = rows[-1].because
        rows.append(evidence.reasons[place])
    because: Origin | None = None
    for row in reversed(rows):
        because = Origin(row.source, row.reason, row.detail, because)  # type: ignore[arg-type]
    assert because is not None  # noqa: S101  there is one row at least
    return because

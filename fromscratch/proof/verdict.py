"""The verdict on a small image, and the file beside it that holds it."""

from pathlib import Path

import msgspec
from msgspec import Struct

from fromscratch.host.storage import disk
from fromscratch.proof.answers import Change
from fromscratch.proof.lost import Lost

VERDICT = "verdict.json"
LIMITS = "proven is what the checks did: what none of them does may need files that are not there"


class Verdict(Struct, frozen=True, kw_only=True):
    """What was found. `full` and `small` are manifests' digests, as far as they are known.

    `changes` are answers that are not as the full image's; `lost` are paths that programs of the small image missed,
    and `repaired` those that an earlier look missed and that were added. `varying` are checks whose output is another
    in each run, and was not compared; `recorder` saw the small image.
    """

    full: str = ""
    small: str = ""
    checks: tuple[str, ...] = ()
    recorder: str = ""
    changes: tuple[Change, ...] = ()
    lost: tuple[Lost, ...] = ()
    varying: tuple[str, ...] = ()
    repaired: tuple[Lost, ...] = ()
    limits: str = LIMITS

    @property
    def proven(self) -> bool:
        return not (self.changes or self.lost)


def write(verdict: Verdict, folder: Path) -> None:
    """Write the verdict to the output folder of a small image."""
    data = {"proven": verdict.proven, **msgspec.to_builtins(verdict)}
    disk.write_atomically(folder / VERDICT, msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")

"""What `doctor` says of one thing that a part of the program needs of this machine."""

from collections.abc import Callable

from msgspec import Struct

from fromscratch.errors import ImageError


class Check(Struct, frozen=True):
    """`remedy` is the command or the sentence that fixes what is not `ok`."""

    what: str
    ok: bool
    found: str
    remedy: str = ""

    def facts(self) -> dict[str, object]:
        return {"what": self.what, "ok": self.ok, "found": self.found, "remedy": self.remedy}


def tried(what: str, attempt: Callable[[], str]) -> Check:
    """What `attempt` found, or the message and the hint of the ImageError that it raised."""
    try:
        return Check(what, True, attempt())
    except ImageError as error:
        return Check(what, False, error.message, error.hint)

"""The kinds of failure that a user can meet.

Every one carries a message (what failed, on what) and a hint (what to do next).
`cli/` is the only room that renders them; a library user catches `ImageError`. Both texts name what can be set
neutrally, and keep it as data (`fromscratch.advice`) for whoever spells it otherwise.
"""

from fromscratch.address import without_secrets


def _concealed(text: str) -> str:
    if type(text) is str:
        return without_secrets(text)
    from fromscratch.advice import Advice  # every command loads the errors, and few of them fail

    return text.changed(without_secrets) if isinstance(text, Advice) else without_secrets(text)


class ImageError(Exception):
    """The work failed for a reason that lies outside the program: exit code 1."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        # Here once, for all who name an address, or repeat what another program says of one.
        self.message, self.hint = _concealed(message), _concealed(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class UsageError(ImageError):
    """The call is wrong (an option, a name, a combination): exit code 2."""

    exit_code = 2


class RecipeError(UsageError):
    """The recipe is wrong; the message holds every fault, each with file:line, and `faults` has them as records."""

    def __init__(self, message: str, hint: str = "", faults: tuple[object, ...] = ()) -> None:
        super().__init__(message, hint)
        self.faults = faults


class UnsafePath(ImageError):
    """A path from an archive, a recipe or an image would lead outside the root."""


class DiskFull(ImageError):
    """A disk, or a quota on it, is full; `place` is the file or folder on it that was being written."""

    def __init__(self, message: str, hint: str = "", place: str = "") -> None:
        super().__init__(message, hint)
        self.place = place


class NotInTree(ImageError):
    """A path that was asked for is not in the tree, or its symlinks go round in a circle."""


class Conflict(ImageError):
    """Two sources of one tree disagree about a path."""


class FormatError(ImageError):
    """Bytes that do not follow the format they claim: truncated, malformed or unsupported."""


class MissingBlob(FormatError):
    """A document names bytes that are not in the place where it lies."""


class TooLarge(ImageError):
    """An archive that would grow beyond what is allowed to it."""


class IntegrityError(ImageError):
    """Bytes that do not have the digest, size or signature that was promised."""


class Irreproducible(ImageError):
    """The same recipe and store gave two images that differ."""


class DownloadError(ImageError):
    """A file could not be had from where it should be."""


class NotFetched(ImageError):
    """`build` needs something that only `fetch` may bring."""


class MissingTool(ImageError):
    """A program that this step needs is not on this machine."""


class CommandFailed(ImageError):
    """A program that we ran ended with an error, or could not be run."""


class CannotStart(ImageError):
    """The command of a container cannot be started: exit code 127 if it is not there, 126 if it is of no use."""

    def __init__(self, message: str, hint: str = "", *, missing: bool) -> None:
        super().__init__(message, hint)
        self.exit_code = 127 if missing else 126


class RegistryError(ImageError):
    """A registry refused what it was asked, or gave no usable answer."""

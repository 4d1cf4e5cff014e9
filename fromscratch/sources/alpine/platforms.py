"""Alpine's names for platforms, as folders of its repositories have them."""

from fromscratch.errors import UsageError
from fromscratch.formats.alpine.architectures import ARCHITECTURES
from fromscratch.model.image import Platform


def alpine_architecture(platform: Platform) -> str:
    """Alpine's name for the platform. Raises UsageError."""
    plain = Platform(platform.os, platform.architecture, platform.variant if platform.architecture == "arm" else "")
    if str(plain) not in ARCHITECTURES:
        raise UsageError(f"Alpine has no packages for {platform}", f"build for {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[str(plain)]

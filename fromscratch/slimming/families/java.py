"""Java: the runtime that a launcher belongs to, but for what draws, plays sound, debugs or only shortens a start."""

from collections.abc import Iterator

from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond import java
from fromscratch.linker.beyond.contract import Finding, NeededFile, Scene

# Loaded for images, fonts and sound, by debuggers, or in place of the usual archive of classes: a run that needs one
# uses it.
_OPTIONAL = lazy_regex(
    r".*/(?:lib(?:awt\w*|fontmanager|freetype|javajpeg|lcms|mlib_image|jsound\w*|jawt|splashscreen|jdwp|dt_socket|saproc)"
    r"\.so|[^/]+\.jsa|psfont\S*|fontconfig\S*)"
)


def find(scene: Scene) -> Iterator[Finding]:
    for finding in java.find(scene):
        if not isinstance(finding, NeededFile) or not _OPTIONAL.fullmatch(finding.path):
            yield finding

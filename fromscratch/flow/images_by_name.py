"""Images by the names that the field's tools use.

A name begins with the scheme of a transport (`images.catalogue`), as in `oci:DIR[:TAG]`, `docker:REF` (an engine's
store), `docker://REF` (a registry) or `tar:FILE` for a plain root. The folder of a build is its image. A bare name
is looked for in build/, in an engine and, if it begins with a host, in that registry; `Found.where` says where it was.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fromscratch.errors import UsageError
from fromscratch.host.machine.lookup import expanded
from fromscratch.host.storage.store import Store
from fromscratch.images import catalogue
from fromscratch.images.catalogue import Line
from fromscratch.images.contract import Selection, image_for
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image, Platform
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import SILENT, Progress
from fromscratch.record import PartlyShown

if TYPE_CHECKING:
    from fromscratch.flow.evidence import Evidence, ImageEvidence
    from fromscratch.host.registry.access import Access

_OF_OTHER_TOOLS = {
    "docker-daemon": "say docker:{}",
    "containers-storage": "say podman:{}",
    "docker-tarball": "say docker-archive:{}",
    "oci-dir": "say oci:{}",
    "registry": "say docker://{}",
    "lxc": "lxc makes containers and keeps no images: name what one was made of, such as dir:/var/lib/lxc/{}/rootfs",
}
_LAYOUT, _EVIDENCE = "oci", "evidence.json"  # output.LAYOUT and evidence.NAME, which would load many modules


class Found(PartlyShown, frozen=True, kw_only=True):
    """An image (or with `plain` only a root) and where it was found. `evidence` is there for our own builds."""

    unshown = ("plain", "evidence")

    where: str
    image: Image | None = None
    plain: Rootfs | None = None
    evidence: "ImageEvidence | None" = None

    def tree(self, store: Store, limits: Limits = DEFAULT_LIMITS) -> Rootfs:
        """The root that a container of the image starts with."""
        if self.plain is not None:
            return self.plain
        from fromscratch.host.images.layers import root_tree

        return root_tree(self.need_image(), store, limits)

    def need_image(self) -> Image:
        """Raises UsageError for a plain root, which has no configuration."""
        if self.image is None:
            raise UsageError(f"{self.where} is a root, not an image", "make a recipe of it: directory: or tarball:")
        return self.image


def find(
    name: str,
    store: Store,
    platforms: Sequence[Platform] = (),
    *,
    builds: Path = Path("build"),
    progress: Progress = SILENT,
    limits: Limits = DEFAULT_LIMITS,
) -> Found:
    """The image of this name, for the first of `platforms` that it has. Raises UsageError, naming what was tried."""
    place = _located(name, builds)
    if isinstance(place, Path):
        return in_build(place, platforms)
    line, rest = place
    found = read(line, rest, store, Selection(tuple(platforms), one=True), progress, limits)
    where = f"{line.scheme}{rest}"
    return Found(where=where, plain=found) if isinstance(found, Rootfs) else Found(where=where, image=found[0])


def find_all(
    name: str,
    store: Store,
    platforms: Sequence[Platform] = (),
    *,
    builds: Path = Path("build"),
    progress: Progress = SILENT,
    limits: Limits = DEFAULT_LIMITS,
    access: "Access | None" = None,
) -> list[Image]:
    """The images of this name: one for each platform, or for each of `platforms`. Raises UsageError.

    Layers of a registry stay there until they are opened: who pushes the image there again needs none of them.
    `access` says how registries are reached.
    """
    place = _located(name, builds)
    selection = Selection(tuple(platforms), layers=False)
    if isinstance(place, Path):
        from fromscratch.host.images.layout import read_layout

        return selection.of(read_layout(place / _LAYOUT), f"oci:{place / _LAYOUT}")
    line, rest = place
    found = read(line, rest, store, selection, progress, limits, access)
    if isinstance(found, Rootfs):
        return [Found(where=f"{line.scheme}{rest}", plain=found).need_image()]
    return found


def read(
    line: Line,
    rest: str,
    store: Store,
    selection: Selection,
    progress: Progress,
    limits: Limits,
    access: "Access | None" = None,
) -> list[Image] | Rootfs:
    """What a transport has under a name: `rest` is what follows its scheme."""
    from fromscratch.images.local import path_and_name

    transport = catalogue.load(line)
    place, name = path_and_name(rest) if transport.place else ("", rest)
    return transport.at(place, store, progress, limits).reached_by(access).read(name, selection)


def _located(name: str, builds: Path) -> Path | tuple[Line, str]:
    """The folder of the build that the image of this name is of, or its transport and what follows the scheme.

    Raises UsageError.
    """
    line = catalogue.of_name(name)
    if line is not None:
        return _in_transport(line, name)
    check_scheme(name)
    from fromscratch.flow import evidence

    if evidence.read(builds / name) is not None:
        return builds / name
    if "/" in name and evidence.read(Path(name)) is not None:
        return Path(name)
    from fromscratch.images.engine_choice import engine_with

    if engine := engine_with(name):
        return next(each for each in catalogue.TRANSPORTS if each.word == engine), name
    # Only a name with a registry's host is looked for there: a mistyped name must not leave this machine.
    if not Path(name).exists() and _names_registry(name):
        return catalogue.registry(), name
    known = ", ".join(sorted(path.parent.name for path in builds.glob(f"*/{evidence.NAME}"))) or "nothing"
    raise UsageError(
        f"there is no image {name}: {builds}/ holds {known}, and no engine that answers has it", _how_to_name(name)
    )


def check_scheme(name: str) -> None:
    """Raises UsageError for a name with a scheme of other tools, with ours."""
    scheme, colon, rest = name.partition(":")
    if colon and scheme in _OF_OTHER_TOOLS:
        hint = _OF_OTHER_TOOLS[scheme].format(rest or "NAME")
        raise UsageError(f"{name}: images are not read by that name", hint)


def _in_transport(line: Line, name: str) -> Path | tuple[Line, str]:
    """Where a name with a scheme leads to; a build has a layout, which knows nothing of its evidence."""
    rest = name.removeprefix(line.scheme)
    transport = catalogue.load(line)
    if not rest:
        raise UsageError(f"{name} names nothing", f"write what is meant after the colon, as in {transport.example}")
    if not transport.place:
        return line, rest
    rest = expanded(rest)
    layout = Path(rest)
    own = line.word == _LAYOUT and layout.name == _LAYOUT and layout.is_dir()
    return layout.parent if own and (layout.parent / _EVIDENCE).exists() else (line, rest)


def _names_registry(name: str) -> bool:
    try:
        return bool(Reference.parse(name).host)
    except UsageError:
        return False


def _how_to_name(name: str) -> str:
    """What to write instead of a bare name that nothing has."""
    from fromscratch.images.local import names_of

    schemes = ", ".join(line.scheme for line in catalogue.readable())
    return names_of(Path(name)) or f"build it, or name it with its kind, one of {schemes}"


def is_of_layout(found: Found, layout: Path) -> bool:
    """Whether an image was read from this layout, by whatever name."""
    from fromscratch.images.local import path_and_name

    line = catalogue.of_name(found.where)
    if line is None or line.word != _LAYOUT:
        return False
    place, _ = path_and_name(found.where.removeprefix(line.scheme))
    return Path(place).resolve() == layout.resolve()


def is_build(folder: Path) -> bool:
    """Whether it is the output folder of a build, and so names its image."""
    from fromscratch.flow import evidence

    return evidence.read(folder) is not None


def in_build(folder: Path, platforms: Sequence[Platform] = ()) -> Found:
    """The image of a build folder, with its evidence."""
    from fromscratch.flow import evidence
    from fromscratch.host.images.layout import read_layout

    return of_build(folder, read_layout(folder / _LAYOUT), evidence.read(folder), platforms)


def of_build(
    folder: Path, images: Sequence[Image], proof: "Evidence | None", platforms: Sequence[Platform] = ()
) -> Found:
    """The same of a build that has been read already."""
    image = image_for(images, platforms, str(folder))
    facts = proof.of(image.platform) if proof else None
    if facts and facts.layers != [str(layer.digest) for layer in image.layers]:
        facts = None  # the layout was made by another build than the evidence
    return Found(where=f"oci:{folder / _LAYOUT}", image=image, evidence=facts)

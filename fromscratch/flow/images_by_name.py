"""Images by the names that the field's tools use.

`oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]`, `docker:REF`, `podman:REF`, `buildah:REF`
and `containerd:REF` (an engine's store), `docker://REF` (a registry), `tar:FILE` and `dir:DIR` for a plain root; a
bare name is looked for in build/, in an engine and, if it begins with a host, in that registry, and `Found.where`
says where it was found.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fromscratch.advice import Setting, advice
from fromscratch.errors import UsageError
from fromscratch.host.machine.lookup import expanded
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Image, Platform
from fromscratch.model.reference import Reference
from fromscratch.opening import opened
from fromscratch.progress import SILENT, Progress
from fromscratch.record import PartlyShown

if TYPE_CHECKING:
    from fromscratch.flow.evidence import Evidence, ImageEvidence
    from fromscratch.model.rootfs import Rootfs

ENGINES = ("docker", "podman", "buildah", "containerd")
SCHEMES = ("oci", "oci-archive", "docker-archive", *ENGINES, "tar", "dir")
_EXAMPLES = {
    "oci": "oci:build/hello/oci",
    "oci-archive": "oci-archive:hello.tar",
    "docker-archive": "docker-archive:hello.tar",
    "docker": "docker:hello:latest",
    "podman": "podman:hello:latest",
    "buildah": "buildah:hello:latest",
    "containerd": "containerd:hello:latest",
    "tar": "tar:root.tar.gz",
    "dir": "dir:rootfs",
}
_OTHERS = {
    "aci": "an ACI is written and not read: tar:{} is its archive, with the image below /rootfs",
    "docker-daemon": "say docker:{}",
    "containers-storage": "say podman:{}",
    "docker-tarball": "say docker-archive:{}",
    "oci-dir": "say oci:{}",
    "registry": "say docker://{}",
    "lxc": "lxc makes containers and keeps no images: name what one was made of, such as dir:/var/lib/lxc/{}/rootfs",
}
_REGISTRY, _BUILD = "docker://", "build/"
_EVIDENCE = "evidence.json"  # evidence.NAME, whose module much is loaded for


class Found(PartlyShown, frozen=True, kw_only=True):
    """An image (or with `plain` only a root) and where it was found. `evidence` is there for our own builds."""

    unshown = ("plain", "evidence")

    where: str
    image: Image | None = None
    plain: "Rootfs | None" = None
    evidence: "ImageEvidence | None" = None

    def tree(self, store: Store) -> "Rootfs":
        """The root that a container of the image starts with."""
        if self.plain is not None:
            return self.plain
        from fromscratch.host.images.layers import root_tree

        return root_tree(self.need_image(), store)

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
) -> Found:
    """The image of this name, for the first of `platforms` that it has. Raises UsageError, naming what was tried."""
    scheme, rest = _located(name, builds)
    if scheme == _BUILD:
        return in_build(Path(rest), platforms)
    if scheme == _REGISTRY:
        return Found(where=f"docker://{rest}", image=_pulled(rest, store, platforms, progress))
    return _scheme(scheme, rest, store, platforms)


def find_all(
    name: str,
    store: Store,
    platforms: Sequence[Platform] = (),
    *,
    builds: Path = Path("build"),
    progress: Progress = SILENT,
) -> list[Image]:
    """The images of this name: one for each platform, or for each of `platforms`. Raises UsageError.

    Layers of a registry stay there until they are opened: who pushes the image there again needs none of them.
    """
    scheme, rest = _located(name, builds)
    if scheme in ("tar", "dir"):
        _scheme(scheme, rest, store, ()).need_image()
    if scheme == _REGISTRY:
        from fromscratch.host.registry.pull import pull_from

        return pull_from(f"docker://{rest}", store, progress, platforms=platforms, layers=False)[1]
    if scheme == _BUILD:
        from fromscratch.host.images.layout import read_layout

        scheme, rest, images = "oci", f"{rest}/oci", read_layout(Path(rest) / "oci")
    else:
        images = _listed(scheme, rest, store, platforms)
    return [chosen(images, [platform], f"{scheme}:{rest}") for platform in platforms] if platforms else images


def _located(name: str, builds: Path) -> tuple[str, str]:
    """The kind of place that holds the image of this name, and where in it. Raises UsageError."""
    if name.startswith(_REGISTRY):
        return _REGISTRY, name.removeprefix(_REGISTRY)
    scheme, colon, rest = name.partition(":")
    if colon and scheme in SCHEMES:
        if not rest:
            raise UsageError(f"{name} names nothing", f"write what is meant after the colon, as in {_EXAMPLES[scheme]}")
        return scheme, rest if scheme in ENGINES else expanded(rest)
    if colon and scheme in _OTHERS:
        raise UsageError(f"{name}: images are not read by that name", _OTHERS[scheme].format(rest or "NAME"))
    from fromscratch.flow import evidence

    if evidence.read(builds / name) is not None:
        return _BUILD, str(builds / name)
    engine = _engine_with(name)
    if engine:
        return engine, name
    # Only what names a registry is asked of one: a slip of the pen is nobody else's business.
    if not Path(name).exists() and _names_registry(name):
        return _REGISTRY, name
    known = ", ".join(sorted(path.parent.name for path in builds.glob(f"*/{evidence.NAME}"))) or "nothing"
    raise UsageError(
        f"there is no image {name}: {builds}/ holds {known}, and no engine that answers has it", _meant(Path(name))
    )


def _names_registry(name: str) -> bool:
    try:
        return bool(Reference.parse(name).host)
    except UsageError:
        return False


def _pulled(name: str, store: Store, platforms: Sequence[Platform], progress: Progress) -> Image:
    """One image of a registry; the layers of the others stay there."""
    from fromscratch.host.registry.pull import pull_from

    def one(images: Sequence[Image]) -> list[Image]:
        return [chosen(images, platforms, f"docker://{name}")]

    return pull_from(f"docker://{name}", store, progress, choose=one)[1][0]


def in_build(folder: Path, platforms: Sequence[Platform] = ()) -> Found:
    """The image of a build folder, with its evidence."""
    from fromscratch.flow import evidence
    from fromscratch.host.images.layout import read_layout

    return of_build(folder, read_layout(folder / "oci"), evidence.read(folder), platforms)


def of_build(
    folder: Path, images: Sequence[Image], proof: "Evidence | None", platforms: Sequence[Platform] = ()
) -> Found:
    """The same of a build that has been read already."""
    image = chosen(images, platforms, str(folder))
    facts = proof.of(image.platform) if proof else None
    if facts and facts.layers != [str(layer.digest) for layer in image.layers]:
        facts = None  # the layout was made by another build than the evidence
    return Found(where=f"oci:{folder / 'oci'}", image=image, evidence=facts)


def chosen(images: Sequence[Image], platforms: Sequence[Platform], where: str) -> Image:
    """The image for the first wanted platform; this machine's if there are several and none is named."""
    wanted = list(platforms) or ([Platform.of_this_machine()] if len(images) > 1 else [])
    if not wanted:
        return images[0]
    for platform in wanted:
        for image in images:
            if image.platform == platform:
                return image
    there = ", ".join(str(image.platform) for image in images)
    raise UsageError(
        f"{where} has no image for {wanted[0]}", advice("say ", Setting("platform"), f" with one of: {there}")
    )


def _scheme(scheme: str, rest: str, store: Store, platforms: Sequence[Platform]) -> Found:
    where = f"{scheme}:{rest}"
    if scheme not in ("tar", "dir"):
        path, tag = _path_and_tag(rest)
        if scheme == "oci" and path.name == "oci" and tag is None and (path.parent / _EVIDENCE).exists():
            _check_path(scheme, rest, path)
            return in_build(path.parent, platforms)
        return Found(where=where, image=chosen(_listed(scheme, rest, store, platforms), platforms, where))
    path = _path_and_tag(rest)[0]
    _check_path(scheme, rest, path)
    if scheme == "dir":
        from fromscratch.host.machine.scan import scan
        from fromscratch.model.entry import Origin

        return Found(where=where, plain=_root(scan(path, Origin(where, "found in", str(path))), where, path))
    from fromscratch.formats.tar.tree import read_tree
    from fromscratch.host.images.archives import plain_archive
    from fromscratch.host.storage import disk
    from fromscratch.model.entry import Origin

    with disk.readable(path), opened(path) as stream:
        digest = store.add_stream(stream)
    origin = Origin(where, "found in", str(path))
    plain = plain_archive(digest, store, where)
    return Found(where=where, plain=_root(read_tree(plain, origin, title=where, limits=store.limits), where, path))


def _root(tree: "Rootfs", where: str, path: Path) -> "Rootfs":
    """The tree, unless it is the container of an image that has another name. Raises UsageError."""
    from fromscratch.formats.archive_kind import image_form

    form = image_form(tree)
    name = form.named(str(path), folder=path.is_dir()) if form else ""
    if form and name:
        raise UsageError(f"{where} is {form.title}, and no root filesystem", f"name it as {name}")
    return tree


def _listed(scheme: str, rest: str, store: Store, platforms: Sequence[Platform]) -> list[Image]:
    """All images of a layout, an archive or an engine that have this name, one for each platform."""
    if scheme in ENGINES:
        return _saved(scheme, rest, store, platforms)
    path, tag = _path_and_tag(rest)
    _check_path(scheme, rest, path)
    if scheme == "oci":
        from fromscratch.host.images.layout import read_layout

        return read_layout(path, tag)
    from fromscratch.host.images.archives import read_archive

    return read_archive(path, store, tag, "oci-archive" if scheme == "oci-archive" else "docker-archive")


def _check_path(scheme: str, rest: str, path: Path) -> None:
    """Raises UsageError if there is no such file, or folder for the schemes that name one."""
    from fromscratch.host.images.layout_blobs import is_copied_by_skopeo

    if path.is_symlink() and not path.exists():
        raise UsageError(
            f"{scheme}:{rest}: {path} is a symlink that leads nowhere", f"mend the link: {path.readlink()}"
        )
    if not path.exists():
        raise UsageError(f"{scheme}:{rest}: there is no {path}", "see whether the path is right")
    if (scheme in ("oci", "dir")) != path.is_dir():
        kind, other = ("folder", "a file") if path.is_dir() else ("file", "a folder")
        raise UsageError(f"{scheme}:{rest}: {path} is a {kind}, and {scheme}: names {other}", _meant(path))
    if path.is_dir() and is_copied_by_skopeo(path):
        raise UsageError(
            f"{scheme}:{rest}: {path} holds an image in a form that only skopeo and podman have",
            f"run `skopeo copy dir:{path} oci:{path}-oci:latest` and name oci:{path}-oci",
        )


def _meant(path: Path) -> str:
    """What to write instead of a bare name that is a path of this machine, or nothing at all."""
    from fromscratch.host.images.layout import is_layout

    if path.is_file():
        return f"name a file with its kind: tar:{path}, docker-archive:{path} or oci-archive:{path}"
    if path.is_dir():
        layout = next((each for each in (path / "oci", path) if is_layout(each)), None)
        return f"did you mean oci:{layout}?" if layout else f"name a folder with its kind: dir:{path}"
    return f"build it, or name it with its kind, one of {', '.join(f'{each}:' for each in SCHEMES)}, docker://"


def _path_and_tag(rest: str) -> tuple[Path, str | None]:
    """DIR or DIR:TAG, both of which may hold colons: as much as exists is a path, and a name follows it."""
    parts = rest.split(":")
    for count in range(len(parts), 0, -1):
        path = ":".join(parts[:count])
        if path and Path(path).exists():
            return Path(path), ":".join(parts[count:]) if count < len(parts) else None
    return Path(parts[0]), rest.partition(":")[2] if len(parts) > 1 else None


def _saved(kind: str, reference: str, store: Store, platforms: Sequence[Platform]) -> list[Image]:
    from fromscratch.host.engines.select import find_engine
    from fromscratch.host.images.archives import read_archive

    engine = find_engine(kind).engine
    if engine.image_id(reference) is None:
        raise UsageError(f"{kind} has no image {reference}", f"`{engine.lists}` lists what it has")
    with store.temporary() as path:
        engine.save(reference, path, platforms)
        return read_archive(path, store, form="oci-archive" if kind == "containerd" else "docker-archive")


def _engine_with(name: str) -> str | None:
    from fromscratch.host.engines.select import KINDS, engine, status

    for kind in KINDS:
        known = engine(kind)
        if status(known).available and known.image_id(name):
            return kind
    return None

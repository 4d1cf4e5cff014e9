"""Images whose layers other programs made, with their own whiteouts, in the forms in which they hand them over."""

import shutil
from pathlib import Path

import pytest

from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.container.materialise import materialise
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.archives import read_archive
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.model.entry import Origin
from fromscratch.model.image import RunConfig
from fromscratch.model.rootfs import Rootfs
from tests.changesets import facts, random_roots
from tests.engines import buildah, docker, need, need_root
from tests.host.programs import output_of
from tests.hosttree import host_tree
from tests.images.contract import packed
from tests.made_images import HERE, at, image_of
from tests.trees import tree

__all__ = ["buildah", "docker"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]
ORIGIN = Origin("test", "found in", "a folder")
LAYERS = 3
_HOME = tree("d 0755 0:0 /home")
_CHANGE = "rm -rf /cases && tar -xpf /home/next.tar -C / --same-owner && rm /home/next.tar"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def replaced(folder: Path, root: Rootfs) -> None:
    """Make what is in a folder another root."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    materialise(root, folder)


@pytest.fixture(scope="module")
def by_umoci(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rootfs]:
    """A layout of several layers, the upper ones with whiteouts, and the root that they make."""
    need_root("unpacking with owners")
    umoci, folder = need("umoci"), tmp_path_factory.mktemp("umoci")
    layout = folder / "oci"
    output_of(umoci, "init", "--layout", layout)
    output_of(umoci, "new", "--image", f"{layout}:latest")
    for number, root in enumerate(random_roots(LAYERS, cases=100, plain=True)):
        bundle = folder / str(number)
        output_of(umoci, "unpack", "--image", f"{layout}:latest", bundle)
        replaced(bundle / "rootfs", root)
        output_of(umoci, "repack", "--image", f"{layout}:latest", bundle)
    return layout, scan(folder / str(LAYERS - 1) / "rootfs", ORIGIN)


def test_what_umoci_packs_is_read(by_umoci: tuple[Path, Rootfs], store: Store) -> None:
    layout, root = by_umoci
    [image] = read_layout(layout, "latest")
    assert len(image.layers) == LAYERS
    assert facts(root_tree(image, store)) == facts(root)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_what_skopeo_copies_is_read(
    by_umoci: tuple[Path, Rootfs], form: str, codec: str, store: Store, tmp_path: Path
) -> None:
    layout, root = by_umoci
    flags = ["--dest-compress-format", codec] if form == "oci-archive" else []
    output_of(need("skopeo"), "copy", "-q", *flags, f"oci:{layout}:latest", f"{form}:{tmp_path}/image.tar")
    [image] = read_archive(tmp_path / "image.tar", store)
    assert len(image.layers) == LAYERS
    assert facts(root_tree(image, store)) == facts(root)


def test_what_buildah_commits_is_read(buildah: Engine, store: Store, tmp_path: Path) -> None:
    need_root("mounting with owners")
    roots = random_roots(LAYERS, cases=100, plain=True)
    at(OciLayout, tmp_path / "first").write([image_of(packed(roots[0]), platform=HERE)], "latest")
    source = f"oci:{tmp_path}/first:latest"
    containers = []
    for number, root in enumerate(roots[1:]):
        container = output_of(*buildah.program, "from", source)
        mounted = Path(output_of(*buildah.program, "mount", container))
        replaced(mounted, root)
        expected = scan(mounted, ORIGIN)
        source = f"fromscratch-test/{number}"
        output_of(*buildah.program, "commit", "-q", container, source)
        containers.append(container)
    try:
        for form in ("docker-archive", "oci-archive"):
            output_of(*buildah.program, "push", "-q", source, f"{form}:{tmp_path}/{form}.tar:a/b:1")
            [image] = read_archive(tmp_path / f"{form}.tar", store)
            assert len(image.layers) == LAYERS
            assert facts(root_tree(image, store)) == facts(expected)
    finally:
        output_of(*buildah.program, "rm", *containers)
        output_of(*buildah.program, "rmi", "--all", "--force")


def test_what_docker_commits_is_read(docker: Engine, store: Store, tmp_path: Path) -> None:
    """Programs in containers change the root, so that the daemon has to find out what to say of it."""
    roots = [root.merged(_HOME) for root in random_roots(LAYERS, cases=60, plain=True)]
    name = "fromscratch-test/committed"
    first = image_of(packed(roots[0].merged(host_tree("sh", "rm", "tar"))), config=RunConfig(), platform=HERE)
    at(DockerArchive, tmp_path / "first.tar").write([first], f"{name}:0")
    output_of(*docker.program, "load", "--input", tmp_path / "first.tar")
    for number, root in enumerate(roots[1:], 1):
        (tmp_path / "next.tar").write_bytes(packed(root))
        container = output_of(
            *docker.program, "create", "--network=none", f"{name}:{number - 1}", "/bin/sh", "-c", _CHANGE
        )
        output_of(*docker.program, "cp", tmp_path / "next.tar", f"{container}:/home/next.tar")
        output_of(*docker.program, "start", "--attach", container)
        output_of(*docker.program, "commit", container, f"{name}:{number}")
        output_of(*docker.program, "export", "--output", tmp_path / "root.tar", container)
        output_of(*docker.program, "rm", container)
    output_of(*docker.program, "save", "--output", tmp_path / "saved.tar", f"{name}:{LAYERS - 1}")
    output_of(*docker.program, "rmi", *(f"{name}:{number}" for number in range(LAYERS)))
    [image] = read_archive(tmp_path / "saved.tar", store)
    assert len(image.layers) == LAYERS
    found, expected = (
        facts(tree, below="/cases/") for tree in (root_tree(image, store), read_tree(tmp_path / "root.tar", ORIGIN))
    )
    assert len(expected) > 100
    assert found == expected
    assert found == facts(roots[-1], below="/cases/")

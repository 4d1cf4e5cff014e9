"""Layers made of random changes: laid over each other they give the last root, here and in real engines."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.layers import root_tree
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.model.entry import Meta, Origin
from fromscratch.model.image import Image
from fromscratch.model.rootfs import Rootfs
from tests.changesets import changeset, facts, random_roots
from tests.engines import containerd, docker, need, need_root, podman
from tests.host.programs import output_of
from tests.made_images import HERE, at, image_of
from tests.strategies import BILLION, leaves, trees

__all__ = ["containerd", "docker", "podman"]

METAS = st.builds(
    Meta,
    mode=st.sampled_from([0o644, 0o755, 0o4755, 0o1777, 0]),
    uid=st.integers(0, 3),
    gid=st.integers(0, 3),
    mtime=st.integers(1, 2**31).map(lambda seconds: seconds * BILLION),
)
ROOTS = trees(names=st.sampled_from("abcd"), metas=METAS, leaves=leaves(METAS), size=12)
ORIGIN = Origin("test", "found in", "an engine")


def tars(roots: list[Rootfs], chance: random.Random, *, tame: bool) -> list[bytes]:
    pairs = zip([Rootfs(), *roots[:-1]], roots, strict=True)
    return [changeset(before, after, chance, tame=tame) for before, after in pairs]


@given(st.lists(ROOTS, min_size=1, max_size=4), st.randoms(use_true_random=False), st.booleans())
def test_changes_laid_over_each_other_give_the_last_root(
    tmp_path_factory: pytest.TempPathFactory, roots: list[Rootfs], chance: random.Random, tame: bool
) -> None:
    image = image_of(*tars(roots, chance, tame=tame))
    assert facts(root_tree(image, Store(tmp_path_factory.mktemp("store")))) == facts(roots[-1])


# Many cases in one image, so that each engine reads it once.


@pytest.fixture(scope="module")
def roots() -> list[Rootfs]:
    return random_roots(4, cases=200)


@pytest.fixture(scope="module")
def image(roots: list[Rootfs]) -> Image:
    return image_of(*tars(roots, random.Random(1), tame=True), platform=HERE)


def agrees(found: Rootfs, roots: list[Rootfs]) -> None:
    """Programs set the time of a directory in which they wrote last as they like."""
    one, other = (facts(tree, below="/cases/", times_of_directories=False) for tree in (found, roots[-1]))
    assert len(other) > 500
    assert one == other


def test_we_agree(image: Image, roots: list[Rootfs], tmp_path: Path) -> None:
    found = root_tree(image, Store(tmp_path / "store"))
    assert facts(found, below="/cases/") == facts(roots[-1], below="/cases/")


@pytest.mark.slow
@pytest.mark.engine
def test_umoci_agrees(image: Image, roots: list[Rootfs], tmp_path: Path) -> None:
    need_root("unpacking with owners")
    at(OciLayout, tmp_path / "oci").write([image], "latest")
    output_of(need("umoci"), "unpack", "--image", f"{tmp_path}/oci:latest", tmp_path / "bundle")
    agrees(scan(tmp_path / "bundle" / "rootfs", ORIGIN), roots)


@pytest.mark.slow
@pytest.mark.engine
def test_podman_agrees(image: Image, roots: list[Rootfs], podman: Engine, tmp_path: Path) -> None:
    need_root("mounting with owners")
    at(OciLayout, tmp_path / "oci").write([image], "latest")
    name = output_of(*podman.program, "pull", "--quiet", f"oci:{tmp_path}/oci:latest")
    try:
        agrees(scan(Path(output_of(*podman.program, "image", "mount", name)), ORIGIN), roots)
    finally:
        output_of(*podman.program, "image", "unmount", name)
        output_of(*podman.program, "rmi", "--force", name)


@pytest.mark.slow
@pytest.mark.engine
def test_docker_agrees(image: Image, roots: list[Rootfs], docker: Engine, tmp_path: Path) -> None:
    name = "fromscratch-test/layers:differential"
    at(DockerArchive, tmp_path / "image.tar").write([image], name)
    output_of(*docker.program, "load", "--input", tmp_path / "image.tar")
    container = output_of(*docker.program, "create", name, "/none")
    try:
        output_of(*docker.program, "export", "--output", tmp_path / "root.tar", container)
    finally:
        output_of(*docker.program, "rm", container)
        output_of(*docker.program, "rmi", name)
    agrees(read_tree(tmp_path / "root.tar", ORIGIN), roots)


@pytest.mark.slow
@pytest.mark.engine
def test_containerd_agrees(image: Image, roots: list[Rootfs], containerd: Engine, tmp_path: Path) -> None:
    name = "localhost/fromscratch-test/layers:differential"
    at(DockerArchive, tmp_path / "image.tar").write([image], name)
    (tmp_path / "root").mkdir()
    here = ("--snapshotter", "native")
    output_of(*containerd.program, "images", "import", "--no-unpack", tmp_path / "image.tar", of=containerd)
    output_of(*containerd.program, "images", "mount", *here, name, tmp_path / "root", of=containerd)
    try:
        agrees(scan(tmp_path / "root", ORIGIN), roots)
    finally:
        output_of(*containerd.program, "images", "unmount", *here, "--rm", tmp_path / "root", of=containerd)
        output_of(*containerd.program, "images", "rm", name, of=containerd)

"""What docker's import by its API promises beyond the contract of every transport."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed, ImageError, UsageError
from fromscratch.formats.oci.config import config_bytes
from fromscratch.host.engines.docker import Docker
from fromscratch.host.engines.podman import Podman
from fromscratch.host.images.layers import note_own, root_tree
from fromscratch.host.storage.store import Store
from fromscratch.images.docker import DockerImages
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.image import Image, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from tests.images.contract import IMAGE, TREE, packed
from tests.images.engine_stores import everything_in, saved
from tests.images.forwarding import Forwarder
from tests.images.test_engines import AWKWARD_CONFIG
from tests.made_images import ARM64, FULL_CONFIG, HERE, image_of
from tests.trees import listed, tree

pytestmark = [pytest.mark.slow, pytest.mark.engine]
NAME = "fromscratch-test/docker:1"
# Debian's docker, 20.10, imports no stop signal, and gets such an image by a load.
IMPORTED = replace(IMAGE, config=replace(FULL_CONFIG, stop_signal=""))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(params=["by the API", "by the client"])
def either(request: pytest.FixtureRequest, docker: Docker, docker_by_client: Docker) -> Docker:
    return docker if request.param == "by the API" else docker_by_client


@pytest.fixture
def nothing_left(docker: Docker) -> Iterator[None]:
    before = everything_in(docker)
    yield
    docker.forget(NAME)
    assert everything_in(docker) == before


def test_an_import_is_one_layer_with_the_whole_configuration(
    either: Docker, nothing_left: None, store: Store, tmp_path: Path
) -> None:
    before = everything_in(either)
    receipt = DockerImages(engine=either, store=store).write([IMPORTED], NAME)
    there = saved(either, NAME, tmp_path)
    assert there.config == IMPORTED.config
    assert [layer.diff_id for layer in there.layers] == [IMAGE.layers[0].diff_id]
    assert receipt.ours == Digest.of(config_bytes(IMPORTED)) != receipt.digest
    new = [line for line in everything_in(either) if line not in before]
    assert new == [f"{NAME} {receipt.digest}"]  # nothing in between, as a build leaves it behind


def test_any_text_survives_the_instructions(either: Docker, nothing_left: None, store: Store, tmp_path: Path) -> None:
    config = replace(AWKWARD_CONFIG, on_build=("RUN echo  'a' $B \\c", 'ADD ["a b", "/"]'))
    DockerImages(engine=either, store=store).write([replace(IMAGE, config=config)], NAME)
    assert saved(either, NAME, tmp_path).config == config


def test_layers_are_laid_over_each_other_on_the_way(docker: Docker, nothing_left: None, store: Store) -> None:
    upper = packed(tree("f 0644 0:0 /bin/.wh.ping ''"))
    image = image_of(packed(TREE), upper, config=RunConfig(), platform=HERE)
    DockerImages(engine=docker, store=store).write([image], NAME)
    there = saved(docker, NAME, store.root.parent)
    assert len(there.layers) == 1
    assert listed(root_tree(there, store)) == listed(root_tree(image, store))


@pytest.mark.parametrize(
    "image",
    [replace(IMPORTED, platform=ARM64), IMAGE, replace(IMAGE, config=RunConfig(shell=("/bin/sh",)))],
    ids=["another platform", "a stop signal", "a shell"],
)
def test_what_an_import_cannot_hold_is_loaded_in_one_layer(
    image: Image, docker: Docker, nothing_left: None, store: Store, tmp_path: Path
) -> None:
    two = replace(image, layers=(*image.layers, *image_of(packed(tree("f 0644 0:0 /bin/new 'n'"))).layers))
    DockerImages(engine=docker, store=store).write([two], NAME)
    there = saved(docker, NAME, tmp_path)
    assert (there.config, there.platform, len(there.layers)) == (two.config, two.platform, 1)
    assert listed(root_tree(there, store)) == listed(root_tree(two, store))


def test_nothing_needs_docker_s_client(docker: Docker, nothing_left: None, store: Store, tmp_path: Path) -> None:
    bare = Docker(address=docker.address, program=("no-such-docker",))
    assert bare.status().available
    for via in ("import", "load"):
        receipt = DockerImages(engine=bare, store=store, via=via).write([IMPORTED], NAME)
        assert bare.image_id(NAME) == str(receipt.digest) == docker.image_id(NAME)
        bare.save(NAME, tmp_path / "saved.tar")
        assert (tmp_path / "saved.tar").stat().st_size > 1000
        bare.remove(NAME)
        assert docker.image_id(NAME) is None
    assert "client" in str(bare.refusal())
    assert docker.refusal() is None


def test_a_value_that_no_instruction_holds_is_refused_before_anything_is_sent(docker: Docker, store: Store) -> None:
    before = everything_in(docker)
    image = replace(IMAGE, config=RunConfig(env={"A": "two\nlines"}))
    with pytest.raises(UsageError, match="ENV A"):
        DockerImages(engine=docker, store=store).write([image], NAME)
    assert everything_in(docker) == before


def test_what_docker_refuses_is_told_in_its_own_words(either: Docker, nothing_left: None, store: Store) -> None:
    image = replace(IMPORTED, config=RunConfig(exposed_ports=("no-port",)))
    with pytest.raises(CommandFailed, match="no-port"):
        DockerImages(engine=either, store=store).write([image], NAME)


def test_an_error_in_the_midst_of_the_answer_is_found(docker: Docker, nothing_left: None, store: Store) -> None:
    """Docker has answered 200 by then, and says it in the stream of its progress."""
    layer = image_of(b"no tar at all" * 1000).layers[0]
    note_own(layer, store)
    with pytest.raises(CommandFailed, match="docker refused the image: "):
        DockerImages(engine=docker, store=store, via="load").write([replace(IMAGE, layers=(layer,))], NAME)
    with pytest.raises(CommandFailed, match="docker refused"):
        DockerImages(engine=docker, store=store).write([replace(IMPORTED, layers=(layer,))], NAME)


def test_docker_over_tcp_is_the_same(docker: Docker, nothing_left: None, store: Store) -> None:
    with Forwarder(docker.address.removeprefix("unix://")) as there:
        over = Docker(address=f"tcp://127.0.0.1:{there.port}", program=("no-such-docker",))
        receipt = DockerImages(engine=over, store=store).write([IMPORTED], NAME)
        assert docker.image_id(NAME) == str(receipt.digest)


@pytest.mark.parametrize("after", [0, 100, 1_500, 5_000, 500_000, 1_000_000])
def test_a_connection_that_is_cut_leaves_nothing(after: int, docker: Docker, nothing_left: None, store: Store) -> None:
    noise = Rootfs({TreePath("/noise"): File(Meta(0o644), Inline(os.urandom(2_000_000)))})
    image = image_of(packed(noise), config=IMPORTED.config, platform=HERE)
    with Forwarder(docker.address.removeprefix("unix://"), after=after) as there:
        over = Docker(address=f"tcp://127.0.0.1:{there.port}")
        for via in ("import", "load"):
            with pytest.raises(ImageError, match=r"docker.* (does not answer|does not work|broke off|refused)"):
                DockerImages(engine=over, store=store, via=via).write([image], NAME)


def test_podman_that_speaks_docker_s_language_is_told_apart(podman: Podman, tmp_path: Path, store: Store) -> None:
    address = f"unix://{tmp_path}/podman.sock"
    argv = [*podman.program, "system", "service", "--time=0", address]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
        try:
            of = Docker(address=address)
            _until(lambda: of.status().available)
            assert of.status().product == "Podman Engine"
            for via in ("import", "load"):
                receipt = DockerImages(engine=of, store=store, via=via).write([IMPORTED], NAME)
                assert receipt.digest == receipt.ours == Digest.of(config_bytes(IMPORTED))
            of.forget(NAME)
        finally:
            service.terminate()


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)

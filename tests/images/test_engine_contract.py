"""The promises of every transport, held by every engine in both ways, on the real programs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.host.engines.buildah import Buildah
from fromscratch.host.engines.containerd import Containerd
from fromscratch.host.engines.contract import Engine
from fromscratch.host.engines.docker import Docker
from fromscratch.host.engines.podman import Podman
from fromscratch.host.storage.store import Store
from fromscratch.images.engine_choice import images_in
from fromscratch.model.image import RunConfig
from tests.images.contract import Place, TransportContract
from tests.images.engine_stores import images_of, saved

pytestmark = [pytest.mark.slow, pytest.mark.engine]
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def with_path(config: RunConfig) -> RunConfig:
    return config if "PATH" in config.env else replace(config, env={"PATH": DEFAULT_PATH, **config.env})


def place_in(
    of: Engine, via: str, folder: Path, *, config: Callable[[RunConfig], RunConfig] = lambda config: config
) -> Place:
    store = Store(folder / "store")
    host = {"docker": "", "containerd": "docker.io/"}.get(of.kind, "localhost/")
    name = f"{host}fromscratch-test/{via}:1"
    return Place(
        transport=images_in(of, store, via),
        reference=f"fromscratch-test/{via}:1",
        read=lambda: saved(of, name, folder),
        holds=lambda: images_of(of),
        digest=lambda: Digest.parse(of.image_id(name) or ""),
        store=store,
        config=config,
    )


class TestDockerImport(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, docker: Docker, tmp_path: Path) -> Place:
        return place_in(docker, "import", tmp_path)


class TestDockerLoad(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, docker: Docker, tmp_path: Path) -> Place:
        return place_in(docker, "load", tmp_path)


class TestDockerImportByTheClient(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, docker_by_client: Docker, tmp_path: Path) -> Place:
        return place_in(docker_by_client, "import", tmp_path)


class TestDockerLoadByTheClient(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, docker_by_client: Docker, tmp_path: Path) -> Place:
        return place_in(docker_by_client, "load", tmp_path)


class TestPodmanImport(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, podman: Podman, tmp_path: Path) -> Place:
        return place_in(podman, "import", tmp_path, config=with_path)


class TestPodmanLoad(TransportContract):
    looks_inside = False  # podman takes the diff_id on trust

    @pytest.fixture
    def place(self, podman: Podman, tmp_path: Path) -> Place:
        return place_in(podman, "load", tmp_path)


class TestBuildahImport(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, buildah: Buildah, tmp_path: Path) -> Place:
        return place_in(buildah, "import", tmp_path)


class TestBuildahLoad(TransportContract):
    looks_inside = False  # nor does buildah look

    @pytest.fixture
    def place(self, buildah: Buildah, tmp_path: Path) -> Place:
        return place_in(buildah, "load", tmp_path)


class TestContainerdImport(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, containerd: Containerd, tmp_path: Path) -> Place:
        return place_in(containerd, "import", tmp_path)


class TestContainerdLoad(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, containerd: Containerd, tmp_path: Path) -> Place:
        return place_in(containerd, "load", tmp_path)

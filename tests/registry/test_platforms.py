"""One recipe, three platforms, one name in a real registry: each is found by its platform, and runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fromscratch.host.engines.podman import Podman
from fromscratch.host.images.layout import read_layout
from fromscratch.host.machine import apt as apt_config
from fromscratch.model.image import Platform
from tests.cli.command import Desk
from tests.engines import missing, need, podman
from tests.registry import registries
from tests.registry.authority import Authority, Pair
from tests.registry.conftest import LOGIN
from tests.registry.registries import Registry
from tests.registry.skopeo import skopeo

__all__ = ["podman"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]

MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64", "linux/riscv64": "riscv64"}
RECIPE = """\
name: three
rootfs:
  - debian: {suite: trixie, packages: [busybox-static]}
image: {entrypoint: [/usr/bin/busybox], cmd: [uname, -m]}
platforms: [linux/amd64, linux/arm64, linux/riscv64]
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, authority: Authority, server_pair: Pair) -> Iterator[Registry]:
    """With TLS, and for one user."""
    with registries.running(tmp_path_factory.mktemp("registry"), login=LOGIN, tls=(authority, server_pair)) as made:
        yield made


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Desk:
    """Where the recipe is built for all of them, and pushed."""
    if not apt_config.mirrors():
        missing("this machine has no apt sources to take a mirror from")
    need("qemu-aarch64-static")
    folder = tmp_path_factory.mktemp("desk")
    logins = folder / "auth.json"
    logins.write_text(json.dumps({"auths": {registry.host: {"auth": LOGIN.basic}}}))
    made = Desk(folder, tmp_path_factory.mktemp("store"), {"REGISTRY_AUTH_FILE": str(logins), "no_proxy": "127.0.0.1"})
    made.write("fromscratch.yaml", RECIPE)
    made.answer("fetch", "build")
    pushed = json.loads(made.answer("push", name(registry), "--ca", str(registry.ca), "--also-tag", "latest", "--json"))
    assert pushed["tags"] == ["1", "latest"]
    return made


def name(registry: Registry) -> str:
    return f"{registry.host}/team/three:1"


def test_the_registry_has_one_index_of_the_three(desk: Desk, registry: Registry) -> None:
    for tag in ("1", "latest"):
        raw, _ = registry.manifest("team/three", tag)
        listed = [Platform(**entry["platform"]) for entry in json.loads(raw)["manifests"]]
        assert [str(platform) for platform in listed] == list(MACHINES)


@pytest.mark.parametrize("platform", MACHINES)
def test_each_is_pulled_by_its_platform_and_runs(desk: Desk, registry: Registry, platform: str) -> None:
    place = platform.rpartition("/")[2]
    desk.answer("pull", name(registry), "--ca", str(registry.ca), "--platform", platform, "--output", place)
    (ours,) = read_layout(desk.folder / place, verify=True)
    assert str(ours.platform) == platform
    assert desk.answer("run", f"oci:{place}", "--engine", "none").strip() == MACHINES[platform]


@pytest.mark.parametrize("platform", MACHINES)
def test_skopeo_gets_the_same_for_the_same_platform(desk: Desk, registry: Registry, platform: str) -> None:
    architecture = platform.rpartition("/")[2]
    theirs = desk.folder / f"theirs-{architecture}"
    skopeo(
        desk.folder,
        registry,
        "copy",
        f"docker://{name(registry).replace(registry.host, '{}')}",
        f"oci:{theirs}:1",
        before=(f"--override-arch={architecture}",),
    )
    built = {str(image.platform): image for image in read_layout(desk.folder / "build/three/oci")}
    assert read_layout(theirs, "1", verify=True) == [built[platform]]


def test_podman_runs_the_one_for_arm64_under_qemu(
    desk: Desk, registry: Registry, podman: Podman, tmp_path: Path
) -> None:
    """qemu-user comes as a volume: what the kernel knows of foreign programs is not a test's to change."""
    place = str(tmp_path / "arm64")
    desk.answer("pull", name(registry), "--ca", str(registry.ca), "--platform", "linux/arm64", "--output", place)
    emulated = ("--rm", f"--volume={need('qemu-aarch64-static')}:/qemu:ro", "--entrypoint=/qemu", f"oci:{place}:1")
    made = podman.call("run", *podman.run_flags, *emulated, "/usr/bin/busybox", "uname", "-m")
    assert made.stdout.decode().strip() == "aarch64"

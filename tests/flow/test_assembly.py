"""The whole flow on the real thing: the machine's own Debian mirror, real engines, another user."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fromscratch.flow import assembly
from fromscratch.host.engines.docker import Docker
from fromscratch.host.images.layers import root_tree
from fromscratch.host.machine import apt as apt_config
from fromscratch.host.machine.package_data import shipped
from fromscratch.host.storage.store import Store
from fromscratch.images.docker import DockerImages
from fromscratch.model.image import Platform
from fromscratch.recipe import schema as recipe
from tests.cli.command import Desk
from tests.engines import docker, missing, need, need_root, podman
from tests.trees import listed

__all__ = ["docker", "podman"]

pytestmark = pytest.mark.slow

NOBODY = 65534
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/riscv64")


@pytest.fixture(scope="module")
def mirror() -> None:
    if not apt_config.mirrors():
        missing("this machine has no apt sources to take a mirror from")


@pytest.fixture(scope="module")
def desk(mirror: None, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A new user's folder, with the shipped recipe built in it."""
    made = Desk(tmp_path_factory.mktemp("desk"), tmp_path_factory.mktemp("store"))
    made.answer("fetch", "build")
    return made


def job(folder: Path, store: Path, *platforms: str) -> assembly.Job:
    path = shipped("recipes") / "busybox.yaml"
    return assembly.Job(
        recipe=recipe.load(path),
        folder=path.parent,
        store=Store(store),
        output=folder / "build",
        platforms=tuple(Platform.parse(name) for name in platforms) or (Platform.of_this_machine(),),
    )


def test_the_shipped_recipe_runs_in_a_private_root(desk: Desk) -> None:
    said = desk.answer("run", "--engine", "none", "--", "/bin/sh", "-c", "busybox | head -1; id -un; echo $PATH")
    first, user, path = said.splitlines()
    assert first.startswith("BusyBox v1.")
    assert (user, path) == ("root", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


def test_the_shipped_recipe_is_smaller_than_the_official_image(desk: Desk) -> None:
    """busybox:glibc 1.38 on amd64 packs to 2,226,327 bytes by gzip -9: the figure is of the day it was measured."""
    (image,) = json.loads(desk.answer("build", "--json"))["images"]
    if image["platform"] != "linux/amd64":
        pytest.skip("the figure is known for linux/amd64")
    assert image["size"] < 2_226_327


def test_every_file_of_the_shipped_recipe_has_a_reason(desk: Desk) -> None:
    proof = json.loads((desk.folder / "build/busybox/evidence.json").read_text())
    (image,) = proof["images"]
    assert [path for path, reasons in image["entries"].items() if not reasons and path != "/"] == []


def test_one_recipe_makes_an_index_of_five_platforms_and_each_runs(mirror: None, tmp_path: Path) -> None:
    need("qemu-aarch64-static")
    desk = Desk(tmp_path / "desk", tmp_path / "store")
    desk.folder.mkdir()
    said = desk.answer("fetch", "build", "--platform", ",".join(PLATFORMS), "--check", "sh -c 'busybox | head -1'")
    assert said.count("  1 check passed\n") == len(PLATFORMS)  # made in each, under qemu for those of other machines
    for platform in PLATFORMS:
        said = desk.answer(
            "run", "--engine", "none", "--platform", platform, "--", "/bin/sh", "-c", "busybox | head -1"
        )
        assert said.startswith("BusyBox v1.")
    raw = subprocess.run(
        [need("skopeo"), "inspect", "--raw", f"oci:{desk.folder}/build/busybox/oci:latest"],
        capture_output=True,
        check=True,
    ).stdout
    found = [Platform(**entry["platform"]) for entry in json.loads(raw)["manifests"]]
    assert [str(platform) for platform in found] == list(PLATFORMS)


def test_root_and_an_ordinary_user_get_the_same_bytes_in_two_folders(mirror: None, tmp_path: Path) -> None:
    need_root("becoming another user")
    if any(not folder.stat().st_mode & 0o001 for folder in shipped("recipes").parents):
        pytest.skip("the checkout lies where other users may not go")
    theirs = Path(subprocess.run(["mktemp", "-d"], capture_output=True, check=True, text=True).stdout.strip())
    try:
        os.chown(theirs, NOBODY, NOBODY)
        as_root = job(tmp_path, tmp_path / "store")  # an empty store, so that all work is done twice
        assembly.fetch(as_root)
        mine = assembly.build(as_root).evidence  # and everything that is imported late is imported now
        assert as_another(lambda: _built(theirs)) == 0
        assert (theirs / "build/oci/index.json").read_bytes() == (tmp_path / "build/oci/index.json").read_bytes()
        assert json.loads((theirs / "build/evidence.json").read_text())["images"][0]["layers"] == mine.images[0].layers
    finally:
        subprocess.run(["rm", "-rf", str(theirs)], check=True)


def _built(folder: Path) -> None:
    made = job(folder, folder / "store")
    assembly.fetch(made)
    assembly.build(made)


def as_another(work: Callable[[], None]) -> int:
    """Do it in a child that has become an ordinary user with another umask; the answer is its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.umask(0o077)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            work()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.engine
def test_docker_import_has_the_recipe_s_configuration_and_runs(desk: Desk, docker: Docker) -> None:
    made = Desk(desk.folder, desk.store, {"DOCKER_HOST": docker.program[2]})
    tag = "fromscratch-flow:import"
    made.answer("import", "--tag", tag, "--recipe", "busybox")
    try:
        said = docker.call("run", "--rm", "--network=none", tag, "/bin/sh", "-c", "busybox | head -1").stdout
        assert said.startswith(b"BusyBox v1.")
        config = json.loads(docker.call("inspect", "--format", "{{json .Config}}", tag).stdout)
        expected = recipe.load(shipped("recipes") / "busybox.yaml").image
        assert config["Cmd"] == expected.cmd
        assert config["Env"] == [f"{name}={value}" for name, value in expected.env.items()]
    finally:
        docker.call("image", "rm", tag)


@pytest.mark.engine
def test_run_uses_the_engine_that_answers_and_leaves_nothing(desk: Desk, docker: Docker) -> None:
    made = Desk(desk.folder, desk.store, {"DOCKER_HOST": docker.program[2]})
    before = docker.call("images", "--all", "--quiet").stdout
    assert made.answer("run", "--", "/bin/sh", "-c", "grep -c . /proc/self/cgroup; echo done").endswith("done\n")
    assert made.call("run", "--", "/bin/sh", "-c", "exit 7").code == 7
    assert docker.call("images", "--all", "--quiet").stdout == before


@pytest.mark.engine
def test_a_load_keeps_the_digest_and_the_image_comes_back_as_it_went(
    desk: Desk, docker: Docker, tmp_path: Path
) -> None:
    made = job(tmp_path, desk.store)
    (image,) = assembly.build(made).images
    receipt = DockerImages(engine=docker, store=made.store, via="load").write([image], "fromscratch-flow:load")
    try:
        (manifest,) = json.loads((tmp_path / "build/oci/index.json").read_text())["manifests"]
        body = json.loads((tmp_path / "build/oci/blobs" / manifest["digest"].replace(":", "/")).read_text())
        assert str(receipt.digest) == body["config"]["digest"]
        here = Desk(tmp_path, desk.store, {"DOCKER_HOST": docker.program[2]})
        assert (
            here.answer("ls", "docker:fromscratch-flow:load", "--quiet")
            .strip()
            .endswith(listed(root_tree(image, made.store)))
        )
    finally:
        docker.call("image", "rm", "fromscratch-flow:load")

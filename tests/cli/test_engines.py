"""Images brought into engines, read from them and started in them, as a user does it."""

import json
import re
from pathlib import Path

import pytest

from fromscratch.host.engines.buildah import Buildah
from fromscratch.host.engines.containerd import Containerd
from fromscratch.host.engines.contract import Engine
from fromscratch.host.engines.docker import Docker
from fromscratch.host.images.layout import read_layout
from fromscratch.images.catalogue import engines
from tests.cli.command import Desk
from tests.engines import need, variables
from tests.images.engine_stores import everything_in, output_of
from tests.made_images import ARM64

pytestmark = [pytest.mark.slow, pytest.mark.engine]

RECIPE = """\
name: demo
epoch: 1700000000
rootfs:
  - binaries: {paths: [PROGRAM]}
image: {entrypoint: [PROGRAM, -c], cmd: ["echo the cmd"], env: {A: $b "c"}, workdir: /tmp}
"""
TAG = "fromscratch-test/verbs:1"


@pytest.fixture(params=engines())
def of(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


def desk_with(of: Engine, folder: Path) -> Desk:
    desk = Desk(folder / "desk", folder / "store", variables(of, folder))
    desk.write("fromscratch.yaml", recipe())
    return desk


def recipe() -> str:
    """One of this machine's dash, which starts it."""
    return RECIPE.replace("PROGRAM", need("dash"))


@pytest.mark.parametrize("via", ["import", "load"])
def test_an_image_goes_into_an_engine_and_comes_back(via: str, of: Engine, tmp_path: Path) -> None:
    desk = desk_with(of, tmp_path)
    made = json.loads(desk.answer("fetch", "build", "--json"))["images"][0]
    reported = json.loads(desk.answer("import", "--engine", of.kind, "--via", via, "--tag", TAG, "--json"))
    try:
        assert (reported["engine"], reported["id"]) == (of.kind, of.image_id(TAG))
        assert (via == "load") <= (reported["id"] == reported["ours"])
        assert desk.answer("ls", f"{of.kind}:{TAG}") == desk.answer("ls")
        desk.answer("pack", "--image", f"{of.kind}:{TAG}", "--to", "oci", "--output", "back")
        assert diff_ids(desk.folder / "back")[0] == made["diff_ids"][0]
    finally:
        of.forget(reported["reference"])


def diff_ids(layout: Path) -> list[str]:
    (image,) = read_layout(layout)
    return [str(layer.diff_id) for layer in image.layers]


def test_the_digest_of_the_engine_stands_beside_ours(of: Engine, tmp_path: Path) -> None:
    desk = desk_with(of, tmp_path)
    desk.answer("fetch", "build")
    reference = ""
    for via in ("import", "load"):
        said = desk.answer("import", "--engine", of.kind, "--via", via, "--tag", TAG)
        found = re.fullmatch(rf"{of.kind} has (\S+verbs:1) as (sha256:\w{{64}}) \(ours: (\S.*)\)\n", said)
        assert found, said
        reference = found[1]
        assert found[2] == of.image_id(TAG)
        assert found[3] == "the same" or (found[3].startswith("sha256:") and via == "import")
    of.forget(reference)


def test_buildah_makes_the_same_image_twice(buildah: Buildah, tmp_path: Path) -> None:
    desk = desk_with(buildah, tmp_path)
    desk.answer("fetch", "build")
    words = ("import", "--engine", "buildah", "--tag", TAG)
    assert desk.answer(*words) == desk.answer(*words)
    buildah.forget(f"localhost/{TAG}")


def test_containerd_starts_an_image_and_keeps_nothing(containerd: Containerd, tmp_path: Path) -> None:
    desk = desk_with(containerd, tmp_path)
    desk.answer("fetch", "build")
    before = everything_in(containerd)
    assert desk.answer("run", "--engine", "containerd") == "the cmd\n"
    ended = desk.call("run", "--engine", "containerd", "--", 'echo "$A" "$(pwd)"; exit 3')
    assert (ended.code, ended.out) == (3, '$b "c" /tmp\n'), ended.err
    assert everything_in(containerd) == before


def test_buildah_starts_nothing_and_says_who_does(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", tmp_path / "store")
    desk.write("fromscratch.yaml", recipe())
    desk.answer("build")
    said = desk.call("run", "--engine", "buildah")
    assert said.code == 2
    assert said.err == (
        "error: buildah makes images and does not start them\n"
        " hint: say --engine podman, which has the same images, or --engine none for a private root\n"
    )


BOTH = "name: both\nplatforms: [linux/amd64, linux/arm64]\nrootfs:\n  - overlay: files\n"


def test_containerd_takes_several_platforms_and_the_others_one(of: Engine, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", tmp_path / "store", variables(of, tmp_path))
    desk.write("fromscratch.yaml", BOTH)
    desk.write("files/etc/motd", "hello\n")
    desk.answer("build")
    words = ("import", "--engine", of.kind, "--via", "load", "--tag", TAG)
    one = desk.call(*words)
    assert one.code == 0
    assert "there is one for linux/" in one.err
    assert "see --platform" in one.err
    both = desk.call(*words, "--platform", "linux/amd64,linux/arm64", "--json")
    if of.kind != "containerd":
        assert both.code == 2
        assert f"error: {of.kind} has one platform under a name" in both.err
    else:
        reported = json.loads(both.out)
        assert reported["id"] == reported["ours"] == of.image_id(TAG)
        assert "linux/amd64,linux/arm64" in output_of(of, "images", "ls")
        for platform in ("linux/amd64", "linux/arm64"):
            assert "/etc/motd" in desk.answer("ls", f"containerd:{TAG}", "--platform", platform)
    foreign = json.loads(desk.answer(*words, "--platform", "linux/arm64", "--json"))
    desk.answer("pack", "--image", f"{of.kind}:{TAG}", "--to", "oci", "--output", "back", "--platform", "linux/arm64")
    assert foreign["id"] == foreign["ours"]
    assert [image.platform for image in read_layout(desk.folder / "back")] == [ARM64]
    of.forget(foreign["reference"])


def test_an_import_of_several_platforms_is_refused(containerd: Containerd, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", tmp_path / "store", variables(containerd, tmp_path))
    desk.write("fromscratch.yaml", BOTH)
    desk.write("files/etc/motd", "hello\n")
    desk.answer("build")
    said = desk.call("import", "--engine", "containerd", "--platform", "linux/amd64,linux/arm64")
    assert (said.code, said.err.splitlines()[-1]) == (
        2,
        " hint: say --via load, or name one platform with --platform",
    )


def test_doctor_says_which_engine_is_taken_and_which_ways_each_has(of: Engine, tmp_path: Path) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock", "CONTAINERD_ADDRESS": "/nowhere/containerd.sock"}
    desk = Desk(tmp_path, tmp_path / "store", {**nowhere, **variables(of, tmp_path)})
    checks = {check["what"]: check for check in json.loads(desk.answer("doctor", "--json"))}
    assert checks[f"engine: {of.kind}"]["ok"]
    assert "; --via import (" in checks[f"engine: {of.kind}"]["found"]
    first = next(kind for kind in engines() if checks[f"engine: {kind}"]["ok"])
    default = checks["engines: default"]["found"]
    assert default == f"{first}, the first that answers of docker, podman, buildah, containerd"
    for kind in ("docker", "containerd"):
        if kind != of.kind:
            assert "/nowhere/" in checks[f"engine: {kind}"]["found"]
            assert all(each in checks[f"engine: {kind}"]["remedy"] for each in engines())


def test_a_docker_context_is_followed(docker: Docker, tmp_path: Path) -> None:
    """As docker's own client does, here beside it."""
    config = tmp_path / "config"
    desk = desk_with(docker, tmp_path)
    desk.answer("fetch", "build")
    del desk.variables["DOCKER_HOST"]
    desk.variables["DOCKER_CONFIG"] = str(config)
    client = Docker(program=("docker", f"--config={config}"))
    client.call("context", "create", "mine", f"--docker=host={docker.address}")
    client.call("context", "use", "mine")
    reported = json.loads(desk.answer("import", "--engine", "docker", "--tag", TAG, "--json"))
    assert reported["id"] == docker.image_id(TAG)
    found = {check["what"]: check["found"] for check in json.loads(desk.answer("doctor", "--json"))}
    assert f"at {docker.address} (docker context mine)" in found["engine: docker"]
    client.call("context", "rm", "--force", "mine")
    (config / "config.json").write_text('{"currentContext": "gone"}')
    said = desk.call("import", "--engine", "docker", "--tag", TAG)
    assert said.code == 1
    assert "error: docker's context 'gone' is not in" in said.err
    docker.forget(TAG)

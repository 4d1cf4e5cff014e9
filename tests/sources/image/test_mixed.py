"""One recipe of four kinds: a root from Buildroot, packages, a program of this machine, a path copied from an image."""

import json
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from tests.cli.command import Desk
from tests.engines import docker, need
from tests.sources.image.images import TOOLS, image, layout

pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the archives of these tests")

from tests.sources.debian.mirror import Mirror, package

__all__ = ["docker"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]

TINY = Path(__file__).parents[1] / "buildroot/tiny"
TAG = "fromscratch-mixed:test"
RECIPE = """\
name: mixed
rootfs:
  - buildroot: {tree: TINY, mirror: mirror, config: app-glibc, offline: true}
  - debian: {suite: bookworm, packages: [greet], mirror: "file://FOLDER/packages", keyring: packages/keyring.gpg}
  - binaries: {paths: ["DASH:/bin/sh"]}
  - image: {from: "oci:tools", include: [/opt/app]}
layers: source
image: {cmd: [/bin/sh, /usr/bin/greet]}
"""
GREET = b'#!/bin/sh\nread word < /usr/share/greeting\nread line < /opt/app/run\necho "$word, $line"\n'


@pytest.fixture
def desk(tmp_path: Path, docker: Engine) -> Desk:
    desk = Desk(tmp_path / "desk", tmp_path / "store", {"DOCKER_HOST": docker.program[2]})
    recipe = RECIPE.replace("TINY", str(TINY)).replace("DASH", need("dash")).replace("FOLDER", str(desk.folder))
    desk.write("fromscratch.yaml", recipe)
    desk.write("mirror/greeting/word", "hello\n")
    files = {"usr": None, "usr/bin": None, "usr/bin/greet@755": GREET, "usr/share": None, "usr/share/greeting": b"hi\n"}
    Mirror(desk.folder / "packages").publish(package("greet", files))
    layout(desk.folder / "tools", image(TOOLS))
    return desk


def test_it_builds_runs_and_tells_the_origin_of_each_file(desk: Desk, docker: Engine) -> None:
    desk.answer("fetch", "build")
    assert desk.answer("run", "--engine", "none") == "hi, #!/bin/sh\n"
    desk.answer("import", "--tag", TAG)
    try:
        said = docker.call("run", "--rm", "--network=none", TAG).stdout.decode()
        assert said == "hi, #!/bin/sh\n"
    finally:
        docker.call("image", "rm", TAG)
    origins = {
        path: desk.answer("why", path).rpartition("[")[2].partition("]")[0]
        for path in ("/usr/bin/greet", "/bin/sh", "/opt/app/run", "/etc/skeleton-1.0")
    }
    assert origins == {
        "/usr/bin/greet": "debian bookworm",
        "/bin/sh": f"binaries {need('dash')}:/bin/sh",
        "/opt/app/run": "image oci:tools",
        "/etc/skeleton-1.0": "buildroot tiny",
    }
    proof = json.loads((desk.folder / "build/mixed/evidence.json").read_text())
    sources = proof["images"][0]["sources"]
    assert [{pin["kind"] for pin in each["pins"]} for each in sources] == [
        {"archive", "package"}, {"index", "package"}, set(), {"image"}
    ]  # fmt: skip
    assert "the same twice: sha256:" in desk.answer("build", "--twice")

"""Changed images in real engines, registries and readers: they run, and other programs read what stays."""

import json
import subprocess
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.layout import read_layout
from fromscratch.images.catalogue import engines
from tests.cli.command import Desk
from tests.engines import need, variables
from tests.images.engine_stores import output_of
from tests.registry.registries import running

pytestmark = [pytest.mark.slow, pytest.mark.engine]

RECIPE = """\
name: demo
rootfs:
  - binaries: {paths: [PROGRAM]}
image: {entrypoint: [PROGRAM, -c], cmd: ["echo old"], env: {A: old}}
"""
TAG = "fromscratch-test/mod:1"
CHANGE = ("--env", "A=new", "--cmd", '["echo $A; cd /opt; while read -r line; do echo $line; done < file"]')


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "desk", tmp_path / "store")
    desk.write("fromscratch.yaml", RECIPE.replace("PROGRAM", need("dash")))
    desk.write("more/opt/file", "from the layer\n")
    desk.answer("build")
    return desk


@pytest.mark.parametrize("kind", engines())
def test_an_image_of_an_engine_is_changed_and_runs_there(
    kind: str, desk: Desk, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    of: Engine = request.getfixturevalue(kind)
    desk = Desk(desk.folder, desk.store, variables(of, tmp_path))
    loaded = json.loads(desk.answer("import", "--engine", kind, "--via", "load", "--tag", TAG, "--json"))
    made = json.loads(
        desk.answer("mod", f"{kind}:{TAG}", *CHANGE, "--append", "more", "--tag", TAG, "--engine", kind, "--json")
    )
    try:
        assert of.image_id(TAG) == made["written"]
        desk.answer("pack", "--image", f"{kind}:{TAG}", "--to", "oci", "--output", "back")
        (before,), (after,) = read_layout(desk.folder / "build/demo/oci"), read_layout(desk.folder / "back")
        assert after.layers[0].diff_id == before.layers[0].diff_id  # engines compress layers anew
        if kind == "podman":
            assert output_of(of, "run", "--rm", *of.run_flags, TAG) == "new\nfrom the layer\n"
        elif kind != "buildah":
            assert desk.answer("run", "--engine", kind, "--image", TAG) == "new\nfrom the layer\n"
    finally:
        of.forget(loaded["reference"])


def test_an_image_of_a_registry_is_changed_there_and_its_layers_stay(desk: Desk, tmp_path: Path) -> None:
    with running(tmp_path / "registry") as registry:
        name = f"docker://{registry.host}/demo"
        desk.answer("push", f"{registry.host}/demo:1")
        other = Desk(desk.folder, tmp_path / "other-store")
        only_said = json.loads(other.answer("mod", f"{name}:1", "--label", "k=v", "--to", f"{name}:2", "--json"))
        layers = only_said["images"][0]["layers"]
        assert not [each for each in layers if (other.store / "blobs/sha256" / each.partition(":")[2]).exists()]
        desk.answer("mod", f"{name}:2", *CHANGE, "--append", "more", "--to", f"{name}:3")
        inspect = [need("skopeo"), "inspect", "--tls-verify=false"]
        found = json.loads(subprocess.run([*inspect, f"{name}:3"], capture_output=True, check=True).stdout)
        assert found["Labels"] == {"k": "v"}
        assert found["Layers"][:-1] == layers
        copy = [need("skopeo"), "copy", "-q", "--src-tls-verify=false", f"{name}:3", f"oci:{tmp_path}/copied:x"]
        subprocess.run(copy, check=True)
        assert desk.answer("run", "--engine", "none", "--image", f"oci:{tmp_path}/copied") == "new\nfrom the layer\n"
        unpack = [need("umoci"), "unpack", "--rootless", "--image", f"{tmp_path}/copied:x", f"{tmp_path}/bundle"]
        subprocess.run(unpack, check=True, capture_output=True)
        assert (tmp_path / "bundle/rootfs/opt/file").read_text() == "from the layer\n"

"""Images of engines as bases, and what is built on them started in engines."""

import json
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from fromscratch.images.catalogue import engines
from tests.cli.command import Desk
from tests.engines import buildah, containerd, docker, need, podman, variables
from tests.images.engine_stores import output_of

__all__ = ["buildah", "containerd", "docker", "podman"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]

TAG = "fromscratch-test/base:1"
BASE = """\
name: base
rootfs: [binaries: {paths: [PROGRAM]}]
image: {entrypoint: [PROGRAM, -c], cmd: ["echo base"], env: {WHO: base, LEVEL: "1"}}
"""
ABOVE = """\
name: above
rootfs:
  - image: KIND:TAG
  - overlay: files
  - image: {from: "KIND:TAG", include: [PROGRAM], into: /copy}
image: {cmd: ['read line < /etc/greeting; echo "$line $WHO $LEVEL"; /copyPROGRAM -c "echo copied"'], env: {LEVEL: "2"}}
"""


@pytest.fixture(params=engines())
def of(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


def test_an_image_of_an_engine_is_built_upon_and_started(of: Engine, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", tmp_path / "store", variables(of, tmp_path))
    for name, text in (("base.yaml", BASE), ("above.yaml", ABOVE)):
        desk.write(name, text.replace("PROGRAM", need("dash")).replace("KIND:TAG", f"{of.kind}:{TAG}"))
    desk.write("files/etc/greeting", "hello\n")
    above = TAG.replace("base", "above")
    base = imported(desk, of, "base.yaml", TAG)
    try:
        made = imported(desk, of, "above.yaml", above)
        try:
            expected = "hello base 2\ncopied\n"
            assert desk.answer("run", "--recipe", "above.yaml", "--engine", "none") == expected
            if of.kind == "docker":
                assert output_of(of, "run", "--rm", "--network=none", above) == expected
            if of.kind == "containerd":
                assert desk.answer("run", "--recipe", "above.yaml", "--engine", "containerd") == expected
        finally:
            of.forget(made)
    finally:
        of.forget(base)


def imported(desk: Desk, of: Engine, recipe: str, tag: str) -> str:
    """Build and import; what the engine calls the image."""
    desk.answer("fetch", "build", "--recipe", recipe)
    words = ("import", "--recipe", recipe, "--tag", tag, "--engine", of.kind, "--via", "load", "--json")
    return str(json.loads(desk.answer(*words))["reference"])

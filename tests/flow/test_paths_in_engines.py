"""What `paths:` and `certificates:` say is so where the image runs: in docker, podman and a private root."""

from pathlib import Path

import pytest

from fromscratch.host.engines.docker import Docker
from fromscratch.host.engines.podman import Podman
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.images.podman import PodmanImages
from tests.cli.command import Desk
from tests.engines import docker, need, need_root, podman

__all__ = ["docker", "podman"]

pytestmark = pytest.mark.slow

RECIPE = """\
name: demo
rootfs:
  - binaries: {paths: [/bin/sh, /bin/cat, /usr/bin/stat, /usr/bin/id, CAPSH]}
accounts:
  users: [{name: app, uid: 65532, gid: 70}]
  groups: [{name: data, gid: 70}]
paths:
  - {path: /var/lib/app, type: directory, mode: "2750", owner: app}
  - {path: /etc/app.conf, type: file, content: "listen = 80\\n", owner: app, mode: "0400"}
  - {path: /opt, type: directory, source: www, owner: ":data", mode: "u=rwX,g=rX,o=", recursive: true}
  - {path: /usr/bin/again, type: hardlink, target: /usr/bin/id}
  - {path: /opt/link, type: symlink, target: page, owner: app}
  - {path: CAPSH, type: permissions, capabilities: cap_net_bind_service=ep}
image: {user: app, cmd: [/bin/sh]}
variants:
  root: {image: {user: root}}
"""
SCRIPT = """\
stat -c '%a %U:%G %h %N' /var/lib/app /etc/app.conf /opt /opt/page /opt/link /usr/bin/again
cat /etc/app.conf
again -u
CAPSH --print | while read line; do case $line in Current:*) echo "$line";; esac; done
"""
ANSWER = """\
2750 app:data 2 '/var/lib/app'
400 app:data 1 '/etc/app.conf'
750 root:data 2 '/opt'
640 root:data 1 '/opt/page'
777 app:data 1 '/opt/link' -> 'page'
755 root:root 2 '/usr/bin/again'
listen = 80
65532
Current: cap_net_bind_service=ep
"""


@pytest.fixture(scope="module")
def capsh() -> str:
    return need("capsh")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, capsh: str) -> Desk:
    made = Desk(tmp_path_factory.mktemp("desk"), tmp_path_factory.mktemp("store"))
    made.write("fromscratch.yaml", RECIPE.replace("CAPSH", capsh))
    made.write("www/page", "hello\n")
    made.answer("build")
    return made


@pytest.mark.engine
@pytest.mark.parametrize("way", ["load", "import"])
def test_in_docker(desk: Desk, docker: Docker, capsh: str, way: str) -> None:
    made = Desk(desk.folder, desk.store, {"DOCKER_HOST": docker.program[2]})
    made.answer("import", "--tag", f"paths:{way}", "--engine", "docker", "--via", way)
    try:
        words = ("run", "--rm", *docker.run_flags, f"paths:{way}", "/bin/sh", "-c", SCRIPT.replace("CAPSH", capsh))
        assert docker.call(*words).stdout.decode() == ANSWER
    finally:
        docker.call("image", "rm", f"paths:{way}")


@pytest.mark.engine
def test_in_podman(desk: Desk, podman: Podman, capsh: str) -> None:
    images = read_layout(desk.folder / "build/demo/oci")
    PodmanImages(engine=podman, store=Store(desk.store)).write(images, "paths:1")
    try:
        words = ("run", "--rm", *podman.run_flags, "paths:1", "/bin/sh", "-c", SCRIPT.replace("CAPSH", capsh))
        assert podman.call(*words).stdout.decode() == ANSWER
    finally:
        podman.call("image", "rm", "paths:1")


def test_in_a_private_root(desk: Desk, capsh: str) -> None:
    need_root("another user in a private root")
    script = SCRIPT.replace("CAPSH", capsh)
    assert desk.answer("run", "--engine", "none", "--quiet", "--", "/bin/sh", "-c", script) == ANSWER


def test_a_variant_runs_beside_the_recipe_itself(desk: Desk) -> None:
    desk.answer("build", "--variant", "root")
    say = ("--engine", "none", "--quiet", "--", "/bin/sh", "-c", "id -u")
    assert desk.answer("run", "--variant", "root", *say) == "0\n"
    need_root("another user in a private root")
    assert desk.answer("run", *say) == "65532\n"


def test_it_is_the_same_image_in_every_folder(desk: Desk, tmp_path: Path) -> None:
    answer = desk.answer("build", "--twice", "--output", str(tmp_path / "build"))
    assert "the same" in answer

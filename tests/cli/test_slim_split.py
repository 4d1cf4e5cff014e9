"""`slim --split`: the same content as the full image, what was used in one layer and the rest in another."""

import json
import shutil
from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.model.listing import lines
from tests.cli.in_process import called
from tests.engines import docker, need

__all__ = ["docker"]

RECIPE = """
name: web
rootfs: [{directory: root}]
image: {entrypoint: [/bin/busybox, httpd, -f, -p, "8080", -h, /www]}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The build of a web server, of whose pages a run has used one."""
    folder = tmp_path / "desk"
    for name in ("bin", "www/private", "tmp"):
        (folder / "root" / name).mkdir(parents=True)
    shutil.copy(need("busybox"), folder / "root/bin/busybox")
    (folder / "root/www/hot.txt").write_text("hot")
    (folder / "root/www/private/cold.txt").write_text("cold")
    (folder / "root/www/private").chmod(0o751)
    (folder / "fromscratch.yaml").write_text(RECIPE)
    assert called(folder, "build").code == 0
    (folder / "files.txt").write_text("/bin/busybox\n/www/hot.txt\n")
    return folder


def test_the_two_layers_are_the_full_image(desk: Path) -> None:
    answer = called(desk, "slim", "web", "--trace", "files.txt", "--split", "--json")
    assert answer.code == 0, answer.err
    facts = json.loads(answer.out)
    store = Store(desk.parent / "store")
    (small,), (full,) = read_layout(desk / "build/web-slim/oci"), read_layout(desk / "build/web/oci")
    assert (small.config, small.platform, len(small.layers)) == (full.config, full.platform, 2)
    assert list(lines(root_tree(small, store))) == list(lines(root_tree(full, store)))
    assert [facts["cold_size"], facts["size"]] == [layer.size for layer in small.layers]
    assert "opened by run 1  [trace]" in called(desk, "why", "/www/hot.txt", "--image", "web-slim").out
    assert called(desk, "why", "/www/private/cold.txt", "--image", "web-slim").code == 0

    again = called(desk, "slim", "build/web-slim/slim.yaml", "--name", "again", "--json")
    assert json.loads(again.out)["digest"] == facts["digest"]
    assert "that were not used in a layer below" in called(desk, "slim", "build/web-slim/slim.yaml").out


@pytest.mark.slow
@pytest.mark.engine
def test_a_request_for_a_cold_file_succeeds_in_docker(desk: Path, docker: Engine) -> None:
    tag = "localhost/fromscratch-split:1"
    assert called(desk, "slim", "web", "--trace", "files.txt", "--split").code == 0
    words = ("pack", "--image", "web-slim", "--to", "docker-archive", "--output", "split.tar", "--tag", tag)
    assert called(desk, *words).code == 0
    docker.call("load", "--input", str(desk / "split.tar"))
    try:
        container = docker.call("run", "--detach", "--network=none", tag).stdout.decode().strip()
        try:
            for page, content in (("hot.txt", b"hot"), ("private/cold.txt", b"cold")):
                url = f"http://127.0.0.1:8080/{page}"
                asked = docker.call("exec", container, "/bin/busybox", "wget", "-q", "-O", "-", url)
                assert asked.stdout == content
        finally:
            docker.call("rm", "--force", container)
    finally:
        docker.call("image", "rm", tag)

"""What the verbs tell: the digests that others know a build by, where a fetch is, what a Dockerfile is built on."""

import json
import shlex
import socket
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from fromscratch.digest import Digest
from fromscratch.host.images.layout import read_layout
from tests.cli.command import Desk

PLATFORMS = ["linux/amd64", "linux/arm64"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n")
    made.write("files/bin/app", "app\n")
    return made


def documents(layout: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The descriptor that a layout names, and what it describes; each blob is the one of its digest."""
    [top] = json.loads((layout / "index.json").read_bytes())["manifests"]
    return top, document(layout, top["digest"])


def document(layout: Path, digest: str) -> dict[str, Any]:
    data = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    assert str(Digest.of(data)) == digest
    read: dict[str, Any] = json.loads(data)
    return read


def test_build_tells_the_digests_of_manifest_and_configuration(desk: Desk) -> None:
    for _ in ("fresh", "unchanged"):
        reported = json.loads(desk.answer("build", "--json"))
        top, manifest = documents(desk.folder / "build/demo/oci")
        [image] = reported["images"]
        assert (reported["digest"], reported["index"]) == (top["digest"], None)
        assert (image["manifest"], image["config"]) == (top["digest"], manifest["config"]["digest"])
        text = desk.answer("build")
        assert f"manifest {image['manifest']}, configuration {image['config']}" in text
        assert "index sha256:" not in text


def test_build_for_several_platforms_tells_the_digest_of_their_index(desk: Desk) -> None:
    reported = json.loads(desk.answer("build", "--json", "--platform", ",".join(PLATFORMS)))
    layout = desk.folder / "build/demo/oci"
    top, index = documents(layout)
    assert (reported["digest"], reported["index"]) == (top["digest"], top["digest"])
    assert [image["manifest"] for image in reported["images"]] == [entry["digest"] for entry in index["manifests"]]
    configs = [document(layout, entry["digest"])["config"]["digest"] for entry in index["manifests"]]
    assert [image["config"] for image in reported["images"]] == configs
    assert f"  index {top['digest']}\n" in desk.answer("build", "--platform", ",".join(PLATFORMS))


@pytest.mark.parametrize("platforms", [PLATFORMS[:1], PLATFORMS], ids=len)
def test_the_dockerfile_tells_how_to_make_the_base_that_it_names(desk: Desk, platforms: list[str]) -> None:
    desk.answer("build", "--platform", ",".join(platforms))
    folder = desk.folder / "build/demo"
    lines = (folder / "Dockerfile").read_text().splitlines()
    [base] = [line.removeprefix("FROM ") for line in lines if line.startswith("FROM ")]
    [way] = [line.removeprefix("#").strip() for line in lines if "fromscratch pack" in line]
    made, _, imported = way.partition(" | ")
    assert imported == f"docker import - {base}"
    there = Desk(folder, desk.store)
    program = (sys.executable, "-m", *shlex.split(made))
    answer = there.call(program=("sh", "-c", 'exec "$@" > root.tar', "sh", *program))
    assert answer.code == 0, answer.err
    first = read_layout(folder / "oci")[0]
    with open(folder / "root.tar", "rb") as stream:
        assert Digest.of(stream.read()) == first.layers[0].diff_id
    with tarfile.open(folder / "root.tar") as archive:
        assert "bin/app" in archive.getnames()


@pytest.mark.slow
@pytest.mark.parametrize(("source", "lines"), [("debian", 3), ("tarball", 2)])
def test_a_fetch_from_a_server_that_says_nothing_tells_what_it_waits_for(desk: Desk, source: str, lines: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        item = {
            "debian": f"debian: {{suite: trixie, packages: [busybox], mirror: '{address}/debian'}}",
            "tarball": f"tarball: {{url: '{address}/root.tar', sha256: '{'0' * 64}'}}",
        }[source]
        desk.write("fromscratch.yaml", f"name: demo\nrootfs: [{{{item}}}]\n")
        with desk.process("fetch") as process:
            assert process.stderr is not None
            reported = "".join(process.stderr.readline() for _ in range(lines))
            process.terminate()
    assert f"fetch {source} " in reported
    assert ("ask http://127.0.0.1:" if source == "debian" else "root.tar") in reported

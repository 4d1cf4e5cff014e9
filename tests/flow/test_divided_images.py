"""`layers:` of a recipe from end to end: what is packed again, and that readers of every kind see the one tree."""

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import image_documents
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.layout import read_layout
from fromscratch.host.machine.scan import scan
from fromscratch.model.entry import Origin
from fromscratch.model.listing import lines
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT
from tests.cli.command import Answer
from tests.cli.in_process import called
from tests.engines import docker, need, need_root, podman
from tests.images.contract import packed
from tests.trees import tree

__all__ = ["docker", "podman"]

RECIPE = """\
name: demo
epoch: 1700000000
layers: {layers}
times: {times}
rootfs:
  - tarball: base.tar
  - directory: {{path: app, into: /srv/app, owner: "7:8"}}
  - overlay: conf
accounts:
  users: [{{name: app, uid: 1000, home: /home/app}}]
"""
BASE = tree("""
    d 0755 0:0 /bin
    f 4755 0:0 /bin/su 'setuid'
    f 0755 0:0 /bin/ping 'capable' {security.capability=0x0100000200200000000000000000000000000000}
    h 0755 0:0 /bin/ping6 => /bin/ping {security.capability=0x0100000200200000000000000000000000000000}
    l 0777 0:0 /bin/sh -> su
    d 2750 3:4 /etc
    f 0644 0:0 /etc/base 'base'
    d 0755 0:0 /opt
    d 1777 0:0 /tmp
    d 0750 5:6 /srv
""")


class Project:
    """A recipe with its inputs, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.write("base.tar", packed(BASE))
        self.write("app/program", b"program")
        os.link(self.folder / "app/program", self.folder / "app/other name")
        self.write("conf/etc/app.conf", b"1")
        self.write("conf/opt/added", b"2")

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def call(self, *words: str, layers: str = "source", times: str = "epoch") -> Answer:
        self.write("fromscratch.yaml", RECIPE.format(layers=layers, times=times).encode())
        answer = called(self.folder, *words, "--quiet")
        assert answer.code == 0, answer.err
        return answer

    def build(self, **recipe: str) -> dict[str, Any]:
        """What `build --json` says of the image."""
        made = json.loads(self.call("build", "--json", **recipe).out)
        (image,) = made["images"]
        return dict(image)

    def blob(self, digest: str) -> Path:
        return self.folder / "build/demo/oci/blobs" / digest.replace(":", "/")

    def inodes(self) -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (self.folder / "build/demo/oci/blobs/sha256").iterdir()}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


COMMENTS = ["tarball base.tar", "directory app", "overlay conf", "what the recipe itself writes"]


def test_the_command_tells_what_each_layer_holds_and_how_it_is_packed(project: Project) -> None:
    image = project.build()
    assert [layer["comment"] for layer in image["packed"]] == COMMENTS
    assert [layer["digest"] for layer in image["packed"]] == image["layers"]
    assert [layer["diff_id"] for layer in image["packed"]] == image["diff_ids"]
    assert sum(layer["size"] for layer in image["packed"]) == image["size"]
    assert all(layer["codec"].startswith("gzip ") for layer in image["packed"])
    assert " entries in 4 layers, " in project.call("build").out
    manifest = json.loads(project.blob(index(project)["digest"]).read_text())
    config = json.loads(project.blob(manifest["config"]["digest"]).read_text())
    assert [entry["comment"] for entry in config["history"]] == COMMENTS
    (proof,) = json.loads((project.folder / "build/demo/evidence.json").read_text())["images"]
    assert proof["packed"] == image["packed"]


def index(project: Project) -> Mapping[str, Any]:
    (manifest,) = json.loads((project.folder / "build/demo/oci/index.json").read_text())["manifests"]
    return dict(manifest)


def test_one_overlay_file_packs_one_layer(project: Project) -> None:
    before, files = project.build(), project.inodes()
    project.write("conf/etc/app.conf", b"other")
    after = project.build()
    changed = [old != new for old, new in zip(before["layers"], after["layers"], strict=True)]
    assert changed == [False, False, True, False]
    base, accounts = before["layers"][0], before["layers"][3]
    for digest in (base, accounts):  # made of the store and of ourselves; the folder is too new to be known
        assert project.inodes()[digest.removeprefix("sha256:")] == files[digest.removeprefix("sha256:")]


def test_another_order_of_builds_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    """Whether a layer was kept shows nowhere."""
    project.build()
    project.write("conf/etc/app.conf", b"other")
    project.build()
    other = Project(tmp_path / "elsewhere")
    other.write("conf/etc/app.conf", b"other")
    other.build()
    assert index(project) == index(other)
    mine, theirs = ((each.folder / "build/demo/evidence.json").read_text() for each in (project, other))
    assert json.loads(mine)["images"] == json.loads(theirs)["images"]


@pytest.mark.parametrize("layers", ["source", "package", "{budget: 2}", "{budget: 9}"])
@pytest.mark.parametrize("times", ["epoch", "keep"])
def test_verbs_see_one_tree(project: Project, layers: str, times: str) -> None:
    def output_of(name: str, *words: str) -> str:
        return project.call(*words, layers=name, times=times).out

    one = [output_of("one", "build", "ls"), output_of("one", "why", "/bin/ping6")]
    output_of("one", "pack", "--to", "tar", "--output", "one.tar")
    several = [output_of(layers, "build", "ls"), output_of(layers, "why", "/bin/ping6")]
    output_of(layers, "pack", "--to", "tar", "--output", "several.tar")
    assert several[0].splitlines()[2:] == one[0].splitlines()[2:]  # the first two are about layers and digests
    assert several[1] == one[1]
    assert (project.folder / "several.tar").read_bytes() == (project.folder / "one.tar").read_bytes()
    output_of(layers, "pack", "--to", "docker-archive", "--output", "docker.tar")
    assert output_of(layers, "ls", "docker-archive:docker.tar") == output_of(layers, "ls")


UMOCI = Origin("test", "found in", "umoci")


def facts(found: Rootfs) -> list[tuple[str, int]]:
    """Every line of a listing, with its time; not of the root, which no layer of ours names."""
    output_of = zip(lines(found), found.items(), strict=True)
    return [(line, entry.meta.mtime) for line, (path, entry) in output_of if path != ROOT]


@pytest.mark.slow
@pytest.mark.engine
def test_umoci_unpacks_the_layers_to_the_one_tree(project: Project, tmp_path: Path) -> None:
    need_root("unpacking owners and capabilities")
    unpacked: list[list[tuple[str, int]]] = []
    for layers in ("one", "source", "package", "{budget: 3}"):
        image = project.build(layers=layers, times="keep")
        assert len(image["layers"]) == {"one": 1, "{budget: 3}": 3}.get(layers, 4)
        bundle = tmp_path / f"bundle {len(unpacked)}"
        source = f"{project.folder}/build/demo/oci:latest"
        subprocess.run([need("umoci"), "unpack", "--image", source, bundle], check=True, capture_output=True)
        unpacked.append(facts(scan(bundle / "rootfs", UMOCI)))
    assert len({time for _, time in unpacked[0]}) > 2
    assert unpacked[1:] == unpacked[:1] * 3


@pytest.mark.slow
@pytest.mark.engine
def test_skopeo_makes_layers_for_lazy_pulling_that_are_read_alike(project: Project) -> None:
    project.build()
    copied = project.folder / "chunked"
    places = f"oci:{project.folder}/build/demo/oci:latest", f"oci:{copied}:latest"
    words = ("copy", "--dest-compress", "--dest-compress-format", "zstd:chunked", *places)
    subprocess.run([need("skopeo"), *words], check=True, capture_output=True)
    (before,), (after,) = read_layout(project.folder / "build/demo/oci"), read_layout(copied)
    (top,) = json.loads((copied / "index.json").read_text())["manifests"]
    manifest = json.loads((copied / "blobs" / top["digest"].replace(":", "/")).read_text())
    for layer in manifest["layers"]:
        assert layer["mediaType"] == oci.LAYER_ZSTD
        # Later releases begin it with io.github.containers.
        assert any(name.endswith("containers.zstd-chunked.manifest-position") for name in layer["annotations"])
    assert image_documents(after).config == image_documents(before).config
    assert project.call("ls", f"oci:{copied}").out == project.call("ls").out


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_engines_give_containers_the_one_tree(project: Project, kind: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(kind)
    found = []
    for layers in ("one", "source"):
        tag = f"localhost/fromscratch-divided:{layers}"
        project.build(layers=layers, times="keep")
        words = ("pack", "--to", "docker-archive", "--output", "image.tar", "--tag", tag)
        project.call(*words, layers=layers, times="keep")
        engine.call("load", "--input", str(project.folder / "image.tar"))
        try:
            found.append(exported(engine, tag))
        finally:
            engine.call("image", "rm", tag)
    one, several = found
    assert several == one
    assert {"bin/ping6", "etc/app.conf", "srv/app/other name", "opt/added", "home/app", "tmp"} <= set(one)


MADE_BY_ENGINES = re.compile(r"|\.?dockerenv|(dev|proc|run|sys)(/.*)?|etc|etc/(hosts|hostname|mtab|resolv\.conf)")


def exported(engine: Engine, tag: str) -> dict[str, tuple[Any, ...]]:
    """What a container of the image begins with, as the engine's `export` tells it, by path."""
    container = engine.call("create", tag, "/bin/sh").stdout.decode().strip()
    try:
        data = engine.call("export", container).stdout
    finally:
        engine.call("rm", container)
    found: dict[str, tuple[Any, ...]] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = member.name.strip("./")
            if MADE_BY_ENGINES.fullmatch(name):
                continue
            stream = archive.extractfile(member) if member.isreg() else None
            what = (member.type, member.linkname, stream.read() if stream else b"")
            found[name] = (member.mode, member.uid, member.gid, member.mtime, *what)
    return found

"""Sinks that deliver into real engines, and the other programs that read what we write."""

import json
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed, MissingTool, UsageError
from fromscratch.formats.oci.config import config_bytes
from fromscratch.host.engines.contract import Engine
from fromscratch.host.engines.docker import Docker
from fromscratch.host.engines.podman import Podman
from fromscratch.host.images.layers import root_tree
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.images.docker import DockerImages
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.engine_choice import images_in
from fromscratch.images.oci_archive import OciArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.images.podman import PodmanImages
from fromscratch.model.entry import Origin
from fromscratch.model.image import Original, RunConfig
from fromscratch.progress import Silent
from tests.engines import need, need_root
from tests.hosttree import host_tree
from tests.images.contract import IMAGE, TREE, packed
from tests.images.engine_stores import everything_in, images_of, saved
from tests.made_images import ARM64, HERE, at, image_of
from tests.trees import listed

pytestmark = [pytest.mark.slow, pytest.mark.engine]


class Noting(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_load_keeps_the_image_id_and_every_digest(
    docker: Docker, podman: Podman, store: Store, tmp_path: Path
) -> None:
    ours = Digest.of(config_bytes(IMAGE))
    assert DockerImages(engine=docker, store=store, via="load").write([IMAGE], "fromscratch-test/id:1").digest == ours
    assert PodmanImages(engine=podman, store=store, via="load").write([IMAGE], "fromscratch-test/id:1").digest == ours
    for of, name in ((docker, "fromscratch-test/id:1"), (podman, "localhost/fromscratch-test/id:1")):
        assert [layer.diff_id for layer in saved(of, name, tmp_path).layers] == [IMAGE.layers[0].diff_id]


def test_an_import_keeps_the_diff_id(docker: Docker, podman: Podman, store: Store, tmp_path: Path) -> None:
    DockerImages(engine=docker, store=store).write([IMAGE], "fromscratch-test/diff:1")
    PodmanImages(engine=podman, store=store).write([IMAGE], "fromscratch-test/diff:1")
    for of, name in ((docker, "fromscratch-test/diff:1"), (podman, "localhost/fromscratch-test/diff:1")):
        assert saved(of, name, tmp_path).layers[0].diff_id == IMAGE.layers[0].diff_id


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_an_unchanged_import_makes_no_other_image(kind: str, request: pytest.FixtureRequest, store: Store) -> None:
    engine, name = request.getfixturevalue(kind), "fromscratch-test/unchanged:1"
    images = images_in(engine, store, "import")
    first = images.write([IMAGE], name)
    assert images.write([IMAGE], name) == first
    changed = replace(IMAGE, config=replace(IMAGE.config, labels={"changed": "yes"}))
    second = images.write([changed], name)
    assert second.digest != first.digest
    assert images.write([IMAGE], name).digest != second.digest
    engine.forget(name)
    images.write([IMAGE], name)
    assert engine.image_id(name) is not None


@pytest.mark.parametrize("via", ["import", "load"])
def test_containers_start(docker: Docker, podman: Podman, store: Store, via: str) -> None:
    config = RunConfig(
        entrypoint=("/bin/sh", "-c"), cmd=('echo "$GREETING"; id -u',), user="65532", env={"GREETING": "a $b"}
    )
    image = image_of(packed(host_tree("sh", "id")), config=config, platform=HERE)
    for transport in (images_in(docker, store, via), images_in(podman, store, via)):
        receipt = transport.write([image], f"fromscratch-test/run-{via}:1")
        reported = transport.engine.call("run", "--rm", *transport.engine.run_flags, receipt.reference)
        assert reported.stdout.decode() == "a $b\n65532\n"


AWKWARD = "a \"b\" 'c' $HOME ${X:-y} \\ \\\\ \\n ` # ! é \t ; | & <x> *"
AWKWARD_CONFIG = RunConfig(
    user=AWKWARD,
    env={
        "PATH": AWKWARD,
        **{f"V{number}": word for number, word in enumerate(AWKWARD.split())},
        AWKWARD: "x",
        "E": "",
    },
    labels={AWKWARD: AWKWARD, "k": "a=b", "empty": ""},
    volumes=("/" + AWKWARD,),
    working_dir="/srv",
    entrypoint=(AWKWARD, "", "\n"),
    cmd=(AWKWARD + "\n",),
    exposed_ports=("1/tcp", "2/udp"),
)


def test_any_text_survives_a_dockerfile(docker: Docker, podman: Podman, store: Store, tmp_path: Path) -> None:
    """Every way in which a builder could misread a value, in every field."""
    config = replace(AWKWARD_CONFIG, stop_signal="SIGUSR1")
    image = replace(IMAGE, config=config)
    DockerImages(engine=docker, store=store).write([image], "fromscratch-test/awkward:1")
    assert saved(docker, "fromscratch-test/awkward:1", tmp_path).config == config
    PodmanImages(engine=podman, store=store).write([image], "fromscratch-test/awkward:1")
    assert saved(podman, "localhost/fromscratch-test/awkward:1", tmp_path).config == config


def test_what_is_for_builds_on_the_image_survives(docker: Docker, podman: Podman, store: Store, tmp_path: Path) -> None:
    config = RunConfig(
        env={"PATH": "/bin"},
        shell=("/bin/bash", '-c "x"'),
        on_build=("RUN echo  'a' $B \\c", 'ADD ["a b", "/"]', "ENV A=$B"),
        cmd=("/bin/a",),
    )
    image = replace(IMAGE, config=config)
    for of, transport, name in (
        (docker, DockerImages, "fromscratch-test/on-build:1"),
        (podman, PodmanImages, "localhost/fromscratch-test/on-build:1"),
    ):
        for via in ("import", "load"):
            transport(engine=of, store=store, via=via).write([image], "fromscratch-test/on-build:1")  # type: ignore[arg-type]
            assert saved(of, name, tmp_path).config == config


@pytest.mark.parametrize("kind", ["docker", "podman", "buildah", "containerd"])
@pytest.mark.parametrize(
    ("author", "config"),
    [
        ("Ann <ann@example.org>", RunConfig(env={"PATH": "/bin"}, cmd=("/bin/x",))),
        ("", RunConfig(env={"PATH": "/bin"}, cmd=("/bin/x",), args_escaped=True)),
        ("Ann", RunConfig(args_escaped=True, working_dir="/bin")),
    ],
    ids=["an author", "escaped words", "both, and no PATH"],
)
def test_an_import_keeps_what_the_engine_s_own_cannot_say(
    kind: str, author: str, config: RunConfig, request: pytest.FixtureRequest, store: Store, tmp_path: Path
) -> None:
    of: Engine = request.getfixturevalue(kind)
    image = replace(IMAGE, author=author, config=config)
    receipt = images_in(of, store, "import").write([image], "fromscratch-test/kept:1")
    try:
        there = saved(of, receipt.reference, tmp_path)
        assert (there.author, there.config) == (author, config)
    finally:
        of.forget(receipt.reference)


def test_a_path_that_podman_adds_is_said(podman: Podman, store: Store) -> None:
    for config, notes in ((RunConfig(env={"PATH": "/bin"}), 0), (RunConfig(env={"A": "b"}), 1)):
        progress = Noting()
        transport = images_in(podman, store, "import", progress)
        receipt = transport.write([replace(IMAGE, config=config)], "fromscratch-test/path:1")
        podman.forget(receipt.reference)
        assert [note for note in progress.notes if "adds its default PATH" in note] == progress.notes
        assert len(progress.notes) == notes


def test_what_an_import_loses_is_said(docker: Docker, store: Store) -> None:
    document = json.loads(config_bytes(IMAGE))
    document["config"] |= {"Memory": 1 << 20, "CpuShares": 2, "Hostname": "h", "Tty": True, "MemorySwap": 0}
    progress = Noting()
    transport = images_in(docker, store, "import", progress)
    transport.write([replace(IMAGE, original=Original(json.dumps(document).encode()))], "fromscratch-test/memory:1")
    docker.forget("fromscratch-test/memory:1")
    assert progress.notes == ["an import does not keep what the image says as CpuShares, Memory; a load does"]


def test_nothing_of_an_import_stays_but_the_image(docker: Docker, podman: Podman, store: Store) -> None:
    for transport in (DockerImages(engine=docker, store=store), PodmanImages(engine=podman, store=store)):
        before = images_of(transport.engine)
        transport.write([IMAGE], "fromscratch-test/alone:1")
        assert [
            line.split()[0].removeprefix("localhost/") for line in images_of(transport.engine) if line not in before
        ] == ["fromscratch-test/alone:1"]


def test_a_build_that_fails_half_way_leaves_nothing(docker: Docker, store: Store) -> None:
    image = replace(IMAGE, config=RunConfig(env={"A": "b"}, labels={"c": "d"}, exposed_ports=("no-port",)))
    before = everything_in(docker)
    with pytest.raises(CommandFailed, match="no-port"):
        DockerImages(engine=docker, store=store).write([image], "fromscratch-test/broken:1")
    assert everything_in(docker) == before


def test_a_value_that_no_dockerfile_holds_is_refused_before_anything_is_done(docker: Docker, store: Store) -> None:
    before = images_of(docker)
    image = replace(IMAGE, config=RunConfig(env={"A": "two\nlines"}))
    with pytest.raises(UsageError, match="ENV A"):
        DockerImages(engine=docker, store=store).write([image], "fromscratch-test/refused:1")
    assert images_of(docker) == before
    DockerImages(engine=docker, store=store, via="load").write([image], "fromscratch-test/accepted:1")
    assert docker.image_id("fromscratch-test/accepted:1")


def output_of(*argv: str | Path) -> bytes:
    return subprocess.run(argv, check=True, capture_output=True).stdout


def test_skopeo_reads_everything(tmp_path: Path) -> None:
    skopeo = need("skopeo")
    layout = f"oci:{tmp_path}/oci:1.0"
    digest = at(OciLayout, tmp_path / "oci").write([IMAGE], "1.0").digest
    at(OciArchive, tmp_path / "oci.tar").write([IMAGE], "hello:1.0")
    at(DockerArchive, tmp_path / "docker.tar").write([IMAGE], "hello:1.0")
    for name in (layout, f"oci-archive:{tmp_path}/oci.tar:1.0", f"docker-archive:{tmp_path}/docker.tar:hello:1.0"):
        reported = json.loads(output_of(skopeo, "inspect", name))
        assert (reported["Architecture"], reported["Os"]) == (HERE.architecture, "linux")
        assert reported["Layers"] in ([str(IMAGE.layers[0].digest)], [str(IMAGE.layers[0].diff_id)])
        assert output_of(skopeo, "inspect", "--raw", "--config", name) == config_bytes(IMAGE)
    assert json.loads(output_of(skopeo, "inspect", layout))["Digest"] == str(digest)
    output_of(skopeo, "copy", "-q", layout, f"dir:{tmp_path}/copied")
    assert (tmp_path / "copied" / IMAGE.layers[0].digest.hex).is_file()


def test_umoci_unpacks_the_layout(tmp_path: Path) -> None:
    umoci = need("umoci")
    need_root("unpacking with owners")
    at(OciLayout, tmp_path / "oci").write([IMAGE], "latest")
    output_of(umoci, "unpack", "--image", f"{tmp_path}/oci:latest", tmp_path / "bundle")
    unpacked = scan(tmp_path / "bundle" / "rootfs", Origin("test", "found in", "folder"))
    assert listed(unpacked) == listed(TREE)


def test_buildah_starts_from_the_layout(tmp_path: Path) -> None:
    at(OciLayout, tmp_path / "oci").write([IMAGE], "latest")
    buildah = (need("buildah"), f"--root={tmp_path}/b", f"--runroot={tmp_path}/r", "--storage-driver=vfs")
    output_of(*buildah, "from", "--name=fromscratch-test", f"oci:{tmp_path}/oci:latest")
    reported = json.loads(output_of(*buildah, "inspect", "fromscratch-test"))
    assert reported["OCIv1"]["config"]["WorkingDir"] == IMAGE.config.working_dir
    output_of(*buildah, "rm", "fromscratch-test")


def test_podman_runs_the_layout(podman: Podman, tmp_path: Path) -> None:
    image = image_of(packed(host_tree("sh")), config=RunConfig(cmd=("/bin/sh", "-c", "echo hi")), platform=HERE)
    at(OciLayout, tmp_path / "oci").write([image], "latest")
    assert podman.call("run", "--rm", *podman.run_flags, f"oci:{tmp_path}/oci:latest").stdout == b"hi\n"


def test_other_platforms_keep_their_name(docker: Docker, store: Store, tmp_path: Path) -> None:
    image = replace(IMAGE, platform=ARM64)
    DockerImages(engine=docker, store=store).write([image], "fromscratch-test/arm64:1")
    there = saved(docker, "fromscratch-test/arm64:1", tmp_path)
    assert (there.platform, there.config) == (ARM64, IMAGE.config)
    assert listed(root_tree(there, store)) == listed(TREE)


def test_engines_answer_for_themselves(docker: Docker, podman: Podman) -> None:
    for of in (docker, podman):
        found = of.status()
        assert (found.available, found.platform) == (True, HERE)
        assert found.version[0].isdigit()


def test_a_daemon_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    need("docker")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(MissingTool, match=r"its daemon does not answer at tcp://127\.0\.0\.1:9$") as caught:
        DockerImages.at("", store).write([IMAGE], "hello")
    assert "systemctl start docker" in caught.value.hint
    assert "engine=podman" in caught.value.hint


@pytest.mark.parametrize("kind", [DockerArchive, OciArchive])
def test_podman_gives_an_archive_its_name(
    kind: type[DockerArchive | OciArchive], podman: Podman, tmp_path: Path
) -> None:
    at(kind, tmp_path / "x.tar").write([IMAGE], f"localhost/fromscratch-test/{kind.__name__.lower()}:2")
    reported = podman.call("load", "--input", f"{tmp_path}/x.tar").stdout.decode()
    assert reported.strip() == f"Loaded image: localhost/fromscratch-test/{kind.__name__.lower()}:2"

"""One image in each form: every program of the field that Debian ships agrees with us on digests and contents.

Where one of them cannot read a form at all, what it says is part of the test.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fromscratch.digest import Digest
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.archives import read_archive
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.model.entry import Origin
from tests.agreement.sample import NAME, Sample, facts, facts_of
from tests.engines import need, need_root

pytestmark = [pytest.mark.slow, pytest.mark.engine]
TAGGED = f"{NAME}:1.0"
MOUNTING = "looking at what an engine has unpacked"
TITLE = {"org.opencontainers.image.title": "sample", "org.example.note": "\u00e9"}


def output_of(*argv: str | Path) -> bytes:
    return subprocess.run(argv, check=True, capture_output=True).stdout


def refused(*argv: str | Path) -> str:
    """What a program says when it cannot."""
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.returncode != 0
    return done.stderr.decode()


def answer(of: Engine, *words: str | Path) -> Any:
    return json.loads(of.call(*map(str, words)).stdout)


def last_word(of: Engine, *words: str | Path) -> str:
    return of.call(*map(str, words)).stdout.decode().split()[-1]


def test_skopeo_sees_the_same_digests_in_every_form(made: Sample) -> None:
    skopeo = need("skopeo")
    for name in (f"oci:{made.layout}:1.0", f"oci-archive:{made.folder}/oci.tar:1.0"):
        reported = json.loads(output_of(skopeo, "inspect", name))
        assert (reported["Digest"], reported["Layers"]) == (made.digest, made.layers)
    archive = f"docker-archive:{made.folder}/docker.tar:{TAGGED}"
    assert json.loads(output_of(skopeo, "inspect", archive))["Layers"] == made.diff_ids  # it shows layers unpacked
    for name in (f"oci:{made.layout}:1.0", f"oci-archive:{made.folder}/oci.tar:1.0", archive):
        assert str(Digest.of(output_of(skopeo, "inspect", "--raw", "--config", name))) == made.id


def test_skopeo_copies_keep_the_image(made: Sample, tmp_path: Path) -> None:
    skopeo = need("skopeo")
    between = [f"oci:{tmp_path}/oci:1.0", f"dir:{tmp_path}/dir"]
    for source, target in pairwise([f"oci:{made.layout}:1.0", *between, f"oci-archive:{tmp_path}/a.tar:x"]):
        output_of(skopeo, "copy", "-q", "--preserve-digests", source, target)
    for (again,) in (read_layout(tmp_path / "oci", verify=True), read_archive(tmp_path / "a.tar", made.store, "x")):
        assert again == made.image
        assert again.original is not None
        assert str(Digest.of(again.original.manifest)) == made.digest
        assert facts(root_tree(again, made.store)) == made.tree()


def test_skopeo_copies_into_the_form_of_docker(made: Sample, tmp_path: Path) -> None:
    skopeo, source = need("skopeo"), f"oci:{made.layout}:1.0"
    target = f"docker-archive:{tmp_path}/docker.tar:{TAGGED}"
    done = subprocess.run([skopeo, "copy", "-q", source, target], capture_output=True, check=False)
    if made.codec == "zstd" and done.returncode:
        # That of Debian 12. The one of Debian 13 unpacks the layers, as it does with those in gzip.
        assert "zstd compression is not supported for docker images" in done.stderr.decode()
        return
    assert done.returncode == 0, done.stderr
    (again,) = read_archive(tmp_path / "docker.tar", made.store, TAGGED)
    assert again.original is not None
    assert str(Digest.of(again.original.config)) == made.id
    assert facts(root_tree(again, made.store)) == made.tree()


def test_umoci_tells_and_unpacks_the_layout(made: Sample, tmp_path: Path) -> None:
    umoci = need("umoci")
    need_root("unpacking with owners and devices")
    reported = json.loads(output_of(umoci, "stat", "--json", "--image", f"{made.layout}:1.0"))["history"]
    assert [(step["layer"]["digest"], step["diff_id"]) for step in reported] == list(
        zip(made.layers, made.diff_ids, strict=True)
    )
    assert [step["created_by"] for step in reported] == ["fromscratch: a test"] * 3
    words: list[str | Path] = [umoci, "unpack", "--image", f"{made.layout}:1.0", tmp_path / "bundle"]
    if made.codec == "zstd":
        assert f"blob is not correct mediatype: {oci.LAYER_ZSTD}" in refused(*words)
        return
    output_of(*words)
    assert facts_of(tmp_path / "bundle" / "rootfs") == made.tree()


def digest_in(made: Sample, form: str) -> str:
    """The digest of the image in a form: an archive for docker has plain layers where docker reads none of zstd."""
    if form != "docker.tar" or made.codec != "zstd":
        return made.digest
    (held,) = read_archive(made.folder / form, made.store, TAGGED)
    assert held.original is not None
    assert [str(layer.digest) for layer in held.layers] == made.diff_ids
    return str(Digest.of(held.original.manifest))


@pytest.mark.parametrize("form", ["oci", "oci.tar", "docker.tar"])
def test_podman_has_the_same_image(made: Sample, form: str, podman: Engine) -> None:
    need_root(MOUNTING)
    words = ("pull", "-q", f"oci:{made.layout}:1.0") if form == "oci" else ("load", "-q", "-i", made.folder / form)
    name = last_word(podman, *words).removeprefix("sha256:")
    try:
        (reported,) = answer(podman, "image", "inspect", name)
        assert (reported["Digest"], f"sha256:{reported['Id']}") == (digest_in(made, form), made.id)
        assert (reported["RootFS"]["Layers"], reported["Annotations"]) == (made.diff_ids, TITLE)
        if form != "oci":
            assert reported["RepoTags"] == [TAGGED]
        assert facts_of(Path(last_word(podman, "image", "mount", name))) == made.tree()
        podman.call("image", "umount", name)
    finally:
        podman.call("image", "rm", "-f", name)


def test_buildah_has_the_same_image(made: Sample, buildah: Engine) -> None:
    need_root(MOUNTING)
    name = last_word(buildah, "pull", "-q", f"oci:{made.layout}:1.0")
    reported = answer(buildah, "inspect", "--type", "image", name)
    assert (reported["FromImageDigest"], f"sha256:{reported['FromImageID']}") == (made.digest, made.id)
    assert (reported["OCIv1"]["rootfs"]["diff_ids"], reported["ImageAnnotations"]) == (made.diff_ids, TITLE)
    container = last_word(buildah, "from", name)
    try:
        assert facts_of(Path(last_word(buildah, "mount", container))) == made.tree()
    finally:
        buildah.call("rm", container)
        buildah.call("rmi", name)


@contextmanager
def loaded(docker: Engine, archive: Path) -> Iterator[None]:
    docker.call("load", "-q", "-i", str(archive))
    try:
        yield
    finally:
        docker.call("image", "rm", "-f", TAGGED)


def test_docker_has_the_same_image(made: Sample, docker: Engine, tmp_path: Path) -> None:
    archive = made.folder / "docker.tar"
    with loaded(docker, archive):
        (reported,) = answer(docker, "image", "inspect", TAGGED)
        assert (reported["Id"], reported["RootFS"]["Layers"]) == (made.id, made.diff_ids)
        history = docker.call("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", TAGGED)
        by = "fromscratch: a test"
        assert history.stdout.decode().splitlines() == [f"{by}|", f"{by}|", f"{by}|the base"]
        assert exported(docker, tmp_path) == as_docker_exports(made.tree())
        docker.call("save", "-o", str(tmp_path / "saved.tar"), TAGGED)
    (again,) = read_archive(tmp_path / "saved.tar", made.store, TAGGED)
    assert again.original is not None
    assert str(Digest.of(again.original.config)) == made.id
    assert facts(root_tree(again, made.store)) == made.tree()


def docker_is_old(docker: Engine) -> bool:
    version = docker.call("version", "--format", "{{.Server.Version}}").stdout.decode()
    return int(version.split(".")[0]) < 23


def exported(docker: Engine, folder: Path) -> list[str]:
    """What a container of it holds, without the places for docker's own mounts."""
    container = last_word(docker, "create", TAGGED)
    try:
        with_mounts = docker.call("export", container).stdout
    finally:
        docker.call("rm", "-v", container)
    (folder / "exported.tar").write_bytes(with_mounts)
    tree = read_tree(folder / "exported.tar", Origin("test", "found in", "export"))
    own = {"/.dockerenv", "/proc", "/sys", "/dev/pts", "/dev/shm", "/dev/console"}
    own |= {f"/etc/{name}" for name in ("hostname", "hosts", "resolv.conf", "mtab")}
    return [_TIMES.sub(r"\1", line) for line in facts(tree.without(path for path in tree if path in own))]


def as_docker_exports(lines: list[str]) -> list[str]:
    """Of attributes it tells capabilities only; and its places for mounts have changed the time of two folders."""
    reported = [line.replace(" {user.comment=0x6e6f7465}", "") for line in lines]
    return [_TIMES.sub(r"\1", line) for line in reported]


_TIMES = re.compile(r"^(d 0755 0:0 /(?:dev|etc)) @\d+$")


def test_docker_before_25_reads_no_oci_archive(gzipped: Sample, docker: Engine) -> None:
    if docker_is_old(docker):
        assert "no such file or directory" in refused(*docker.program, "load", "-i", gzipped.folder / "oci.tar")


@pytest.mark.parametrize("form", ["oci.tar", "docker.tar"])
def test_containerd_has_the_same_image(made: Sample, form: str, containerd: Engine, tmp_path: Path) -> None:
    said = containerd.call("images", "import", str(made.folder / form)).stdout.decode()
    digest = digest_in(made, form)
    (held_image,) = read_archive(made.folder / form, made.store, TAGGED)
    assert f"{TAGGED} ({digest})" in said
    try:
        blobs = containerd.call("content", "ls", "-q").stdout.decode().split()
        assert {digest, made.id, *(str(layer.digest) for layer in held_image.layers)} <= set(blobs)
        held = {each: containerd.call("content", "get", each).stdout for each in (digest, made.id)}
        assert {str(Digest.of(data)) for data in held.values()} == held.keys()
        assert f"{digest} complete (4/4)" in " ".join(
            containerd.call("images", "check", f"name=={TAGGED}").stdout.decode().split()
        )
        (tmp_path / "root").mkdir()
        containerd.call("images", "mount", TAGGED, str(tmp_path / "root"))
        assert facts_of(tmp_path / "root") == made.tree()
        containerd.call("images", "unmount", "--rm", str(tmp_path / "root"))
        containerd.call("images", "export", str(tmp_path / "exported.tar"), TAGGED)
    finally:
        containerd.call("images", "rm", "--sync", TAGGED)
    assert read_archive(tmp_path / "exported.tar", made.store, TAGGED) == [held_image]

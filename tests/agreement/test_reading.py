"""What other programs write is read: every form that docker, podman, buildah, skopeo, umoci and containerd have."""

import gzip
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.flow.images_by_name import find
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import image_documents
from fromscratch.host.engines.contract import Engine
from fromscratch.host.images.archives import read_archive
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout, write_layout
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_archive import OciArchive
from fromscratch.model.image import Image
from tests.agreement.sample import NAME, Sample, facts
from tests.engines import need, need_root
from tests.images.contract import packed
from tests.made_images import AMD64, ARM64, HERE, at, image_of
from tests.trees import tree

pytestmark = [pytest.mark.slow, pytest.mark.engine]
TAGGED = f"{NAME}:1.0"


def output_of(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True).stdout.decode()


def only(images: list[Image]) -> Image:
    (image,) = images
    return image


def check(image: Image, of: Sample, *, same_id: bool = True) -> None:
    """It is the sample, with every layer's bytes verified."""
    assert facts(root_tree(image, of.store)) == of.tree()
    assert [str(layer.diff_id) for layer in image.layers] == of.diff_ids
    assert (image.platform, image.created) == (of.image.platform, of.image.created)
    assert image.config == of.image.config
    assert image.original is not None
    if same_id:
        assert str(Digest.of(image.original.config)) == of.id


@pytest.fixture
def in_docker(gzipped: Sample, docker: Engine) -> Iterator[Engine]:
    docker.call("load", "-q", "-i", str(gzipped.folder / "docker.tar"))
    yield docker
    docker.call("image", "rm", "-f", TAGGED)


@pytest.fixture
def in_podman(gzipped: Sample, podman: Engine) -> Iterator[Engine]:
    podman.call("load", "-q", "-i", str(gzipped.folder / "oci.tar"))
    yield podman
    podman.call("image", "rm", "-f", TAGGED)


@pytest.fixture
def in_buildah(gzipped: Sample, buildah: Engine) -> Iterator[Engine]:
    buildah.call("pull", "-q", f"oci-archive:{gzipped.folder}/oci.tar")
    buildah.call("tag", gzipped.id.removeprefix("sha256:"), TAGGED)
    yield buildah
    buildah.call("rmi", "-f", gzipped.id.removeprefix("sha256:"))


def test_docker_saves(gzipped: Sample, in_docker: Engine, tmp_path: Path) -> None:
    in_docker.call("save", "-o", str(tmp_path / "saved.tar"), TAGGED)
    check(only(read_archive(tmp_path / "saved.tar", gzipped.store)), gzipped)
    (tmp_path / "saved.tar.gz").write_bytes(gzip.compress((tmp_path / "saved.tar").read_bytes()))
    check(only(read_archive(tmp_path / "saved.tar.gz", gzipped.store, TAGGED)), gzipped)


def test_docker_saves_several_images(gzipped: Sample, in_docker: Engine, tmp_path: Path) -> None:
    other = f"{NAME}-other:1.0"
    in_docker.call("import", "-", other, stdin=b"\0" * 1024)
    try:
        in_docker.call("save", "-o", str(tmp_path / "saved.tar"), TAGGED, other)
    finally:
        in_docker.call("image", "rm", other)
    with pytest.raises(UsageError, match=f"several images: {NAME}-other:1.0, {TAGGED}"):
        read_archive(tmp_path / "saved.tar", gzipped.store)
    check(only(read_archive(tmp_path / "saved.tar", gzipped.store, TAGGED)), gzipped)
    assert facts(root_tree(only(read_archive(tmp_path / "saved.tar", gzipped.store, other)), gzipped.store)) == []


def test_a_layer_that_an_image_has_twice_is_read(docker: Engine, podman: Engine, tmp_path: Path) -> None:
    """docker writes the second one as a symlink to the first."""
    one, two = packed(tree("f 0644 0:0 /a 'a'")), packed(tree("f 0644 0:0 /b 'b'"))
    image = image_of(one, two, one)
    at(DockerArchive, tmp_path / "ours.tar").write([image], TAGGED)
    for of in (docker, podman):
        of.call("load", "-q", "-i", str(tmp_path / "ours.tar"))
        of.call("save", "-o", str(tmp_path / of.kind), TAGGED)
        of.call("image", "rm", "-f", TAGGED)
        again = only(read_archive(tmp_path / of.kind, Store(tmp_path / "store")))
        assert [layer.diff_id for layer in again.layers] == [layer.diff_id for layer in image.layers]
        assert list(root_tree(again, Store(tmp_path / "store"))) == ["/", "/a", "/b"]


def test_docker_saves_what_it_built_itself(docker: Engine, tmp_path: Path) -> None:
    """With steps that made no layer, triggers, and fields of the container that it was built in."""
    text = 'FROM scratch\nADD ["x", "/x"]\nENV A=b\nONBUILD RUN y\nSHELL ["/bin/bash", "-c"]\nCMD /x\nLABEL l=m\n'
    (tmp_path / "Dockerfile").write_text(text)
    (tmp_path / "x").write_text("x")
    docker.call("build", "-q", "-t", f"{NAME}:built", str(tmp_path))
    try:
        docker.call("save", "-o", str(tmp_path / "saved.tar"), f"{NAME}:built")
        (reported,) = json.loads(docker.call("image", "inspect", f"{NAME}:built").stdout)
    finally:
        docker.call("image", "rm", "-f", f"{NAME}:built")
    image = only(read_archive(tmp_path / "saved.tar", Store(tmp_path / "store")))
    assert image.original is not None
    assert str(Digest.of(image.original.config)) == reported["Id"]
    assert (image.config.on_build, image.config.shell) == (("RUN y",), ("/bin/bash", "-c"))
    assert image.config.cmd == ("/bin/bash", "-c", "/x")
    written = write_layout(tmp_path / "oci", [replace(image, author="us")], tag=None)
    again = only(read_layout(tmp_path / "oci"))
    assert written.media_type == oci.MANIFEST
    assert again.original is not None
    assert again.config == image.config
    steps = json.loads(again.original.config)["history"]
    assert [bool(step.get("empty_layer")) for step in steps] == [False, True, True, True, True, True]


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-dir"])
def test_podman_saves(gzipped: Sample, in_podman: Engine, form: str, tmp_path: Path) -> None:
    in_podman.call("save", "-q", "--format", form, "-o", str(tmp_path / "saved"), TAGGED)
    if form == "oci-dir":
        check(only(read_layout(tmp_path / "saved", verify=True)), gzipped)
        check(only(read_layout(tmp_path / "saved", TAGGED)), gzipped)
    else:
        check(only(read_archive(tmp_path / "saved", gzipped.store, TAGGED)), gzipped)


def test_the_folder_that_only_skopeo_and_podman_know_is_told_apart(
    gzipped: Sample, in_podman: Engine, tmp_path: Path
) -> None:
    in_podman.call("save", "-q", "--format", "docker-dir", "-o", str(tmp_path / "saved"), TAGGED)
    for name in (f"dir:{tmp_path}/saved", f"oci:{tmp_path}/saved"):
        with pytest.raises(UsageError) as caught:
            find(name, gzipped.store)
        assert f"skopeo copy dir:{tmp_path}/saved oci:" in caught.value.hint


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
@pytest.mark.parametrize("flags", [(), ("--compression-format=zstd",), ("-D",)], ids=["plain", "zstd", "unpacked"])
def test_buildah_pushes(gzipped: Sample, in_buildah: Engine, form: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    name = f"{form}:{tmp_path}/pushed:{TAGGED}"
    done = in_buildah.call("push", "-q", *flags, TAGGED, name, check=False)
    if done.returncode and form == "docker-archive" and "--compression-format=zstd" in flags:
        # buildah 1.39 cannot. Older ones write the layers as they are in every archive of this form: unpacked.
        assert b"cannot use ForceCompressionFormat with undefined default compression format" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    images = read_layout(tmp_path / "pushed") if form == "oci" else read_archive(tmp_path / "pushed", gzipped.store)
    check(only(images), gzipped)


@pytest.mark.parametrize("form", ["docker", "oci"])
def test_buildah_commits_in_its_own_forms(gzipped: Sample, buildah: Engine, form: str, tmp_path: Path) -> None:
    need_root("a container of buildah")
    container = buildah.call("from", "scratch").stdout.decode().strip()
    try:
        (tmp_path / "x").write_text("x")
        buildah.call("add", container, str(tmp_path / "x"), "/x")
        buildah.call("config", "--cmd", "/x", "--shell", "/bin/bash -c", "--annotation", "a=b", container)
        buildah.call("commit", "-q", f"--format={form}", container, f"oci:{tmp_path}/{form}:1.0")
    finally:
        buildah.call("rm", container)
    image = only(read_layout(tmp_path / form, "1.0", verify=True))
    assert image.config.cmd == ("/x",)
    assert [line.split()[:4] for line in facts(root_tree(image, gzipped.store))] == [["f", "0644", "0:0", "1"]]
    top = write_layout(tmp_path / "again", [image], tag="1.0")
    index = json.loads((tmp_path / form / "index.json").read_bytes())
    assert [str(top.digest)] == [entry["digest"] for entry in index["manifests"]]


def test_skopeo_copies_all_platforms_and_one(tmp_path: Path) -> None:
    skopeo = need("skopeo")
    both = [image_of(b"", platform=AMD64), image_of(b"", platform=ARM64)]
    top = write_layout(tmp_path / "ours", both, tag="1.0")
    output_of(skopeo, "copy", "-q", "--all", f"oci:{tmp_path}/ours:1.0", f"oci:{tmp_path}/all:1.0")
    read = read_layout(tmp_path / "all", "1.0", verify=True)
    assert read == both
    assert write_layout(tmp_path / "again", read, tag="1.0").digest == top.digest
    one = ["--override-arch=arm64", f"oci:{tmp_path}/ours:1.0", f"oci:{tmp_path}/one:1.0"]
    output_of(skopeo, "copy", "-q", *one)
    assert read_layout(tmp_path / "one", "1.0", verify=True) == both[1:]


def test_umoci_makes_layouts(gzipped: Sample, tmp_path: Path) -> None:
    umoci, place = need("umoci"), f"{tmp_path}/made"
    need_root("unpacking with owners and devices")
    output_of(umoci, "init", "--layout", place)
    output_of(umoci, "new", "--image", f"{place}:empty")
    image = only(read_layout(tmp_path / "made", "empty"))
    assert (image.layers, image.platform) == ((), HERE)
    skopeo = need("skopeo")
    output_of(skopeo, "copy", "-q", f"oci:{gzipped.layout}:1.0", f"oci:{place}:1.0")
    output_of(umoci, "unpack", "--image", f"{place}:1.0", tmp_path / "bundle")
    (tmp_path / "bundle/rootfs/etc/new").write_text("new")
    (tmp_path / "bundle/rootfs/bin/su").unlink()
    output_of(umoci, "repack", "--image", f"{place}:2.0", tmp_path / "bundle")
    output_of(umoci, "config", "--image", f"{place}:2.0", "--config.cmd", "/bin/new", "--author", "them")
    output_of(umoci, "tag", "--image", f"{place}:2.0", "latest")
    check(only(read_layout(tmp_path / "made", "1.0", verify=True)), gzipped)
    changed = only(read_layout(tmp_path / "made", "2.0", verify=True))
    assert changed == only(read_layout(tmp_path / "made", "latest"))
    assert (changed.config.cmd, changed.author, len(changed.layers)) == (("/bin/new",), "them", 4)
    root = root_tree(changed, gzipped.store)
    assert ("/etc/new" in root, "/bin/su" in root) == (True, False)
    write_layout(tmp_path / "made", [gzipped.image], tag="ours", keep_others=True)
    assert "2.0" in output_of(umoci, "list", "--layout", place).split()
    assert only(read_layout(tmp_path / "made", "latest", verify=True)) == changed


@pytest.fixture
def exported(containerd: Engine, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Import an archive into containerd, and export it with these flags."""
    names = []

    def way(archive: Path, name: str, *flags: str) -> Path:
        containerd.call("images", "import", "--no-unpack", *flags[:1], str(archive))
        names.append(name)
        containerd.call("images", "export", *flags[1:], str(tmp_path / "exported.tar"), name)
        return tmp_path / "exported.tar"

    yield way
    for name in names:
        containerd.call("images", "rm", "--sync", name)


def test_containerd_exports(gzipped: Sample, exported: Callable[..., Path]) -> None:
    archive = exported(gzipped.folder / "oci.tar", TAGGED)
    for name in (None, TAGGED):
        assert only(read_archive(archive, gzipped.store, name)) == gzipped.image
    assert only(read_archive(archive, gzipped.store, "1.0", "oci-archive")) == gzipped.image


def test_containerd_exports_all_platforms(exported: Callable[..., Path], tmp_path: Path) -> None:
    """Its manifest.json, for docker, has this machine's alone."""
    both = [image_of(b"", platform=AMD64), image_of(b"x", platform=ARM64)]
    at(OciArchive, tmp_path / "both.tar").write(both, TAGGED)
    archive = exported(tmp_path / "both.tar", TAGGED, "--all-platforms", "--all-platforms")
    assert read_archive(archive, Store(tmp_path / "store"), TAGGED, "oci-archive") == both
    assert read_archive(archive, Store(tmp_path / "store"), TAGGED) == [each for each in both if each.platform == HERE]


def test_containerd_exports_the_whole_index_of_the_platform_that_it_has(
    exported: Callable[..., Path], containerd: Engine, tmp_path: Path
) -> None:
    both = [image_of(b"", platform=AMD64), image_of(b"x", platform=ARM64)]
    at(OciArchive, tmp_path / "both.tar").write(both, TAGGED)
    archive = exported(tmp_path / "both.tar", TAGGED, "--platform=linux/arm64", "--platform=linux/arm64")
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    digests = [image_documents(each).descriptor.digest.hex for each in both]
    assert [f"blobs/sha256/{digest}" in names for digest in digests] == [False, True]
    for form in ("docker-archive", "oci-archive"):
        assert read_archive(archive, Store(tmp_path / "store"), TAGGED, form) == both[1:]
    with pytest.raises(UsageError, match="has no image for linux/amd64"):
        find(f"oci-archive:{archive}", Store(tmp_path / "store"), [AMD64])


def test_containerd_converts_to_layers_that_can_be_read_lazily(
    gzipped: Sample, containerd: Engine, tmp_path: Path
) -> None:
    """eStargz: a gzip member for each file, and a table of contents behind them."""
    remote = need("ctr-remote")
    lazy = f"{NAME}:lazy"
    words = (remote, f"--address={containerd.env['CONTAINERD_ADDRESS']}", "--namespace=fromscratch-test", "images")
    containerd.call("images", "import", "--no-unpack", str(gzipped.folder / "oci.tar"))
    try:
        output_of(*words, "convert", "--estargz", "--oci", TAGGED, lazy)
        containerd.call("images", "export", str(tmp_path / "lazy.tar"), lazy)
    finally:
        containerd.call("images", "rm", "--sync", TAGGED, lazy, check=False)
    image = only(read_archive(tmp_path / "lazy.tar", gzipped.store))
    found = [line for line in facts(root_tree(image, gzipped.store)) if "stargz" not in line and "landmark" not in line]
    assert found == gzipped.tree()
    manifest = json.loads(image.original.manifest if image.original else b"")
    annotated = [entry["annotations"] for entry in manifest["layers"]]
    assert all("containerd.io/snapshot/stargz/toc.digest" in each for each in annotated)
    changed = replace(image, config=replace(image.config, cmd=("/other",)))
    top = write_layout(tmp_path / "changed", [changed], tag=None)
    again = json.loads((tmp_path / "changed/blobs/sha256" / top.digest.hex).read_bytes())
    assert [entry["annotations"] for entry in again["layers"]] == annotated


def test_an_archive_from_before_docker_had_manifests_is_named(tmp_path: Path) -> None:
    (tmp_path / "repositories").write_text("{}")
    with tarfile.open(tmp_path / "old.tar", "w") as tar:
        tar.add(tmp_path / "repositories", "repositories")
    with pytest.raises(FormatError, match=r"neither manifest\.json nor oci-layout"):
        read_archive(tmp_path / "old.tar", Store(tmp_path / "store"))

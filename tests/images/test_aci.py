"""The transport of App Container Images, held against the specification's own tool."""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.packing.decompress import expand
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage.store import Store
from fromscratch.images.aci import Aci
from fromscratch.model.content import read as bytes_of
from fromscratch.model.entry import Entry, File, HardLink, Origin
from fromscratch.model.image import Image, Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from tests.engines import need
from tests.hosttree import host_tree
from tests.images.contract import IMAGE, TREE, Place, TransportContract, packed
from tests.made_images import ARM64, ARMV7, image_of
from tests.trees import listed

ARCHITECTURES = {"amd64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7"}


def as_tree(path: Path, folder: Path) -> Rootfs:
    expand(path, folder / "plain.tar")
    return read_tree(folder / "plain.tar", Origin("test", "found in", "archive"))


def below_rootfs(tree: Rootfs) -> Rootfs:
    def moved(path: str) -> TreePath:
        return TreePath(path.removeprefix("/rootfs") or ROOT)

    entries: dict[TreePath, Entry] = {}
    for path, entry in tree.items():
        if path.startswith("/rootfs"):
            entries[moved(path)] = replace(entry, target=moved(entry.target)) if isinstance(entry, HardLink) else entry
    return Rootfs(entries)


def valued(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in pairs}


def run_config(app: Mapping[str, Any]) -> RunConfig:
    return RunConfig(
        user=f"{app['user']}:{app['group']}",
        cmd=tuple(app["exec"]),
        working_dir=app.get("workingDirectory", ""),
        env=valued(app.get("environment", [])),
        volumes=tuple(point["path"] for point in app.get("mountPoints", [])),
        exposed_ports=tuple(f"{port['port']}/{port['protocol']}" for port in app.get("ports", [])),
        labels=app.get("userLabels", {}),
    )


def image_in(path: Path, folder: Path) -> Image:
    """The image that an ACI was made of, as far as it tells."""
    tree = as_tree(path, folder)
    entry = tree[TreePath("/manifest")]
    assert isinstance(entry, File)
    manifest = json.loads(bytes_of(entry.content))
    labels = valued(manifest["labels"])
    return image_of(
        packed(below_rootfs(tree)),
        config=run_config(manifest["app"]) if "app" in manifest else RunConfig(),
        platform=Platform.parse(f"{labels['os']}/{ARCHITECTURES[labels['arch']]}"),
    )


def without_what_aci_lacks(config: RunConfig) -> RunConfig:
    """No entry point of its own, no stop signal, no health check; order that it does not keep."""
    words = (*config.entrypoint, *config.cmd)
    ports = tuple(sorted(config.exposed_ports, key=lambda port: int(port.partition("/")[0])))
    return replace(config, entrypoint=(), cmd=words, stop_signal="", healthcheck=None, exposed_ports=ports)


def image_id(path: Path, folder: Path) -> Digest:
    expand(path, folder / "plain.tar")
    return Digest("sha512", hashlib.sha512((folder / "plain.tar").read_bytes()).hexdigest())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


class TestAci(TransportContract):
    readable = False
    looks_inside = True

    @pytest.fixture
    def place(self, tmp_path: Path, store: Store) -> Place:
        path = tmp_path / "out" / "image.aci"
        return Place(
            transport=Aci(path, store),
            reference="example.com/hello:1.0",
            read=lambda: image_in(path, tmp_path),
            holds=lambda: {each.name: each.read_bytes() for each in path.parent.iterdir()},
            digest=lambda: image_id(path, tmp_path),
            store=store,
            config=without_what_aci_lacks,
        )


def actool(*argv: str | Path) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([need("actool"), *argv], capture_output=True, check=False)


def images() -> dict[str, Image]:
    whiteouts = packed(Rootfs({TreePath("/bin/.wh.ping"): TREE[TreePath("/bin/su")]}))
    return {
        "full": IMAGE,
        "plain": replace(IMAGE, config=RunConfig()),
        "layers": image_of(packed(TREE), whiteouts, config=RunConfig(cmd=("su", "-c", "x"))),
        "arm64": replace(IMAGE, platform=ARM64),
        "armv7": replace(
            IMAGE, platform=ARMV7, annotations={"org.opencontainers.image.url": "https://a.example/%7Eb?c#d"}
        ),
        "empty": image_of(packed(Rootfs()), config=RunConfig(working_dir="/made/for/it", cmd=("/x",))),
        "programs": image_of(packed(host_tree("sh")), config=RunConfig(cmd=("sh",), user="1000")),
    }


@pytest.mark.slow
@pytest.mark.parametrize("which", ["full", "plain", "layers", "arm64", "armv7", "empty", "programs"])
def test_actool_accepts_it_and_reads_the_same_manifest(which: str, store: Store, tmp_path: Path) -> None:
    image = images()[which]
    Aci(tmp_path / "x.aci", store).write([image], "example.com/hello:1.0")
    reported = actool("--debug", "validate", tmp_path / "x.aci")
    assert (reported.returncode, reported.stderr.decode()) == (0, f"{tmp_path}/x.aci: valid app container image\n")
    tree = as_tree(tmp_path / "x.aci", tmp_path)
    written = tree[TreePath("/manifest")]
    assert isinstance(written, File)
    assert json.loads(actool("cat-manifest", tmp_path / "x.aci").stdout) == json.loads(bytes_of(written.content))
    if which != "empty":
        assert listed(below_rootfs(tree)) == listed(root_tree(image, store))


def broken(path: Path, out: Path, *, manifest: bytes | None = None, without: str = "", twice: str = "") -> Path:
    """The archive with another manifest, without an entry, or with one twice."""
    with tarfile.open(path) as source, tarfile.open(out, "w:gz") as target:
        for member in source:
            data = source.extractfile(member) if member.isreg() else None
            if member.name == "manifest" and manifest is not None:
                member.size = len(manifest)
                data = io.BytesIO(manifest)
            if member.name.split("/")[0] == without:
                continue
            target.addfile(member, data)
            if member.name == twice:
                target.addfile(member, source.extractfile(member) if member.isreg() else None)
    return out


def test_actool_refuses_a_broken_one(store: Store, tmp_path: Path) -> None:
    """What shows that the test above can fail."""
    path = tmp_path / "x.aci"
    Aci(path, store).write([IMAGE], "example.com/hello:1.0")
    manifest = json.loads(actool("cat-manifest", path).stdout)
    foreign = json.dumps(
        manifest | {"labels": [{"name": "os", "value": "linux"}, {"name": "arch", "value": "riscv64"}]}
    )
    relative = json.dumps(manifest | {"app": manifest["app"] | {"workingDirectory": "srv"}})
    for bad in (
        broken(path, tmp_path / "a.aci", manifest=b"{"),
        broken(path, tmp_path / "b.aci", manifest=foreign.encode()),
        broken(path, tmp_path / "c.aci", manifest=relative.encode()),
        broken(path, tmp_path / "d.aci", without="manifest"),
        broken(path, tmp_path / "e.aci", without="rootfs"),
        broken(path, tmp_path / "f.aci", twice="rootfs/bin/su"),
    ):
        assert actool("validate", bad).returncode == 1, bad
    assert actool("validate", broken(path, tmp_path / "whole.aci")).returncode == 0


@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_image_gives_the_same_bytes(threads: int, store: Store, tmp_path: Path) -> None:
    first = Aci(tmp_path / "a.aci", store).write([IMAGE], "hello:1.0")
    second = Aci(tmp_path / "b.aci", Store(tmp_path / "other"), threads=threads).write([IMAGE], "hello:1.0")
    assert first.digest == second.digest
    assert (tmp_path / "a.aci").read_bytes() == (tmp_path / "b.aci").read_bytes()


def test_another_suffix_and_a_folder_are_refused(store: Store, tmp_path: Path) -> None:
    for name, match in (("x.tar", "suffix .aci"), ("", "is a folder")):
        with pytest.raises(UsageError, match=match):
            Aci(tmp_path / name, store).write([IMAGE], "hello")
    assert not store.root.exists()


def test_what_aci_cannot_say_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="riscv64"):
        Aci(tmp_path / "x.aci", store).write([replace(IMAGE, platform=Platform("linux", "riscv64"))], "hello")
    assert {path.name for path in tmp_path.iterdir()} <= {"store"}

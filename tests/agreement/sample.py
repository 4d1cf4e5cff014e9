"""One image with all that a layer can hold, in each form, and what a root on this machine has of it."""

import hashlib
import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import zstandard
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import config_bytes
from fromscratch.formats.oci.graph import graph
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import LayoutWriter
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_archive import OciArchive
from fromscratch.model.content import read
from fromscratch.model.entry import File, Origin, with_meta
from fromscratch.model.image import Image, Layer
from fromscratch.model.listing import line
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT
from tests.made_images import FULL_CONFIG, HERE, at, blob_layer
from tests.trees import tree

Codec = Literal["gzip", "zstd", "none"]
CODECS: tuple[Codec, ...] = ("gzip", "zstd", "none")
NAME = "localhost/fromscratch-agreement"
CREATED = 1_700_000_000

BASE = tree("""
    d 0755 0:0 /bin
    f 4755 0:0 /bin/su 'setuid'
    f 0755 0:0 /bin/ping 'capable' {security.capability=0x0100000200200000000000000000000000000000}
    h 0755 0:0 /bin/ping6 => /bin/ping {security.capability=0x0100000200200000000000000000000000000000}
    l 0777 0:0 /bin/sh -> su
    l 0777 0:0 /bin/dangling -> ../no/such/place
    d 0755 0:0 /dev
    c 0666 0:0 1,3 /dev/null
    b 0660 0:6 7,300 /dev/loop300
    d 0755 0:0 /etc
    f 0644 0:0 /etc/removed 'by a whiteout'
    f 0644 0:0 /etc/replaced 'before'
    d 0755 0:0 /gone
    f 0644 0:0 /gone/with 'its folder'
    d 0755 0:0 /opaque
    f 0644 0:0 /opaque/below 'hidden'
    d 1777 0:0 /tmp
    d 0755 0:0 /run
    p 0600 1000:1000 /run/queue
    d 0750 65532:65532 /srv
    f 0640 4000000:4000001 /srv/large-owner 'ids that need more than 21 bits'
""")
UPPER = tree("""
    d 0755 0:0 /etc
    f 0644 0:0 /etc/.wh.removed ''
    f 0600 0:0 /etc/replaced 'after'
    f 0640 7:8 /etc/caf\\xc3\\xa9\\x20\\xff 'not a UTF-8 name'
    f 0644 0:0 /etc/marked 'm' {user.comment=0x6e6f7465}
    f 0644 0:0 /.wh.gone ''
    d 0755 0:0 /opaque
    f 0644 0:0 /opaque/.wh..wh..opq ''
    f 0644 0:0 /opaque/above 'seen'
""")
_LONG = "\\xc3\\xbc" * 60
_FOLDERS = [f"/srv/{'/'.join([_LONG] * depth)}" for depth in range(1, 5)]
_NOISE = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(20_000))
TOP = tree(f"""
    d 0750 65532:65532 /srv
    {chr(10).join(f"d 0755 0:0 {folder}" for folder in _FOLDERS)}
    f 0644 0:0 {_FOLDERS[-1]}/noise {_NOISE!r}
""")


def _dated(made: Rootfs, seconds: int) -> Rootfs:
    """Of this time, in whole seconds: what lies below a second some programs cut off."""
    return Rootfs(
        {
            path: with_meta(entry, replace(entry.meta, mtime=(seconds + place) * 10**9))
            for place, (path, entry) in enumerate(made.items())
        }
    )


LAYERS = tuple(_dated(made, 1_600_000_000 + 10_000 * number) for number, made in enumerate((BASE, UPPER, TOP)))


@dataclass(frozen=True)
class Sample:
    """The image with its layers packed by one codec; `folder` is where its forms are."""

    folder: Path
    codec: Codec
    image: Image

    @property
    def layout(self) -> Path:
        return self.folder / "oci"

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return str(graph([self.image]).top.digest)

    @property
    def id(self) -> str:
        """The digest of the configuration."""
        return str(Digest.of(config_bytes(self.image)))

    @property
    def diff_ids(self) -> list[str]:
        return [str(layer.diff_id) for layer in self.image.layers]

    @property
    def layers(self) -> list[str]:
        return [str(layer.digest) for layer in self.image.layers]

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def tree(self) -> list[str]:
        """What a container of it must see."""
        return facts(root_tree(self.image, self.store))


def made_in(folder: Path, codec: Codec) -> Sample:
    """The image written into this folder in each form: oci, oci.tar, docker.tar."""
    base, upper, top = LAYERS
    with LayoutWriter(folder / "oci") as writer:
        layers = (
            writer.pack(base, codec=codec, comment="the base")[0],
            _with_whiteouts(upper, codec),
            writer.pack(top, codec=codec)[0],
        )
        image = Image(
            layers=tuple(replace(layer, created_by="fromscratch: a test") for layer in layers),
            config=replace(FULL_CONFIG, healthcheck=None),
            platform=HERE,
            created=CREATED,
            author="someone",
            annotations={"org.opencontainers.image.title": "sample", "org.example.note": "\u00e9"},
        )
        writer.finish([image], tag="1.0")
    at(OciArchive, folder / "oci.tar").write([image], f"{NAME}:1.0")
    at(DockerArchive, folder / "docker.tar").write([image], f"{NAME}:1.0")
    return Sample(folder, codec, image)


def _with_whiteouts(made: Rootfs, codec: Codec) -> Layer:
    """What `pack` refuses: it is for trees that are whole."""
    tar = b"".join(bytes(block) for block in blocks(made))
    match codec:
        case "gzip":
            return blob_layer(tar)
        case "zstd":
            data, kind = zstandard.compress(tar), oci.LAYER_ZSTD
        case "none":
            data, kind = tar, oci.LAYER_TAR
    return Layer(Digest.of(tar), Digest.of(data), len(data), kind, partial(io.BytesIO, data))


def facts(found: Rootfs) -> list[str]:
    """A line for each entry, with its time and what it holds. Of the root itself nothing is said in a layer."""
    return [
        f"{line(path, entry)} @{entry.meta.mtime // 10**9}"
        + (f" {Digest.of(read(entry.content))}" if isinstance(entry, File) else "")
        for path, entry in found.items()
        if path != ROOT
    ]


def facts_of(root: Path) -> list[str]:
    """The same of a root that some program has unpacked."""
    return facts(scan(root, Origin("test", "found in", "root")))

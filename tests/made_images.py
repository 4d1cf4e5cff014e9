"""Images for tests: small, with every field of a configuration, and packed without the packer."""

import gzip
import io
from pathlib import Path
from typing import TypeVar

from fromscratch.digest import Digest
from fromscratch.formats.oci import documents as oci
from fromscratch.host.storage.store import Store
from fromscratch.images.local import LocalTransport
from fromscratch.model.image import Healthcheck, Image, Layer, Platform, RunConfig

_Kind = TypeVar("_Kind", bound=LocalTransport)

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")
ARMV7 = Platform("linux", "arm", "v7")
HERE = Platform.of_this_machine()

FULL_CONFIG = RunConfig(
    user="65532:65532",
    exposed_ports=("53/udp", "8080/tcp"),
    env={"PATH": "/usr/bin:/bin", "GREETING": 'a "quoted" $HOME \\ back\'tick` é', "EMPTY": ""},
    entrypoint=("/bin/sh", "-c"),
    cmd=("echo \"$0\" 'x'\n", "two words", ""),
    volumes=("/data", "/var/lib/x y"),
    working_dir="/srv",
    labels={"org.example.vendor": 'A & B <c> "d" $E \\f', "empty": "", "plain": "1"},
    stop_signal="SIGTERM",
    healthcheck=Healthcheck(
        test=("CMD", "/bin/true", "a b"), interval=1_500_000_000, timeout=2_000_000_000, start_period=10**9, retries=3
    ),
)


def blob_layer(tar: bytes, *, comment: str = "") -> Layer:
    """A gzip layer of these tar bytes, held in memory."""
    blob = gzip.compress(tar, mtime=0)
    return Layer(Digest.of(tar), Digest.of(blob), len(blob), oci.LAYER_GZIP, lambda: io.BytesIO(blob), comment)


def image_of(*tars: bytes, config: RunConfig = FULL_CONFIG, platform: Platform = AMD64, created: int = 0) -> Image:
    return Image(layers=tuple(blob_layer(tar) for tar in tars), config=config, platform=platform, created=created)


def at(kind: type[_Kind], path: Path) -> _Kind:
    """A file or folder that is a transport of this kind, with a store beside it."""
    return kind(path, Store(path.with_name("store")))

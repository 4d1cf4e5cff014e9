"""An image: layers, the configuration it runs with, and the platform it is for.

The fields are those of the OCI image specification, image-spec/config.md.
"""

import platform as _machine
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO

from msgspec import Struct, field

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.record import PartlyCompared, PartlyShown

_EMPTY: Mapping[str, str] = MappingProxyType({})
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH that engines give to a container whose image sets none."""

# What uname(2) calls a machine -> GOARCH and variant, the names of image-spec/config.md "architecture".
_UNAME = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv8l": "arm/v7",
    "armv7l": "arm/v7",
    "armv6l": "arm/v6",
    "armv5tel": "arm/v5",
    "i386": "386",
    "i686": "386",
    "riscv64": "riscv64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "loongarch64": "loong64",
    "mips64": "mips64le",
}
ARCHITECTURES = frozenset(
    {"386", "amd64", "arm", "arm64", "loong64", "mips64le", "mipsle", "ppc64le", "riscv64", "s390x"}
)


class Platform(PartlyCompared, frozen=True):
    """`os/architecture[/variant]` in the names of Go, such as linux/arm/v7.

    Images are selected by these three. The other fields are kept as they were read: image-spec/image-index.md,
    "platform".
    """

    uncompared = ("os_version", "os_features", "features")

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """From os/architecture[/variant]. Raises UsageError for what we build no images for."""
        os, _, rest = text.partition("/")
        architecture, _, variant = rest.partition("/")
        if os != "linux" or architecture not in ARCHITECTURES or "/" in variant:
            raise UsageError(
                f"{text!r} is not a platform that we build for",
                f"write linux/ and one of {', '.join(sorted(ARCHITECTURES))}, such as linux/arm64 or linux/arm/v7",
            )
        if architecture == "arm" and not variant:
            variant = "v7"
        if architecture == "arm64" and variant == "v8":
            variant = ""  # the default of arm64, and written so by most tools
        return cls(os, architecture, variant)

    @classmethod
    def of_this_machine(cls) -> "Platform":
        machine = _machine.machine()
        return cls.parse(f"linux/{_UNAME.get(machine, machine)}")

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}" + (f"/{self.variant}" if self.variant else "")


class Healthcheck(Struct, frozen=True, kw_only=True):
    """Docker's extension of the configuration. Times are nanoseconds; 0 leaves the engine's default."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class RunConfig(Struct, frozen=True, kw_only=True):
    """How a container of the image starts: image-spec/config.md, "config".

    `env` keeps its order; ports are like 80/tcp; an empty tuple or string leaves the field out. From `healthcheck`
    on the fields are docker's; `stop_timeout` counts seconds, `shell` and `on_build` are for builds on the image.
    """

    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    stop_signal: str = ""
    healthcheck: Healthcheck | None = None
    stop_timeout: int | None = None
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    args_escaped: bool = False

    @property
    def needs_docker_form(self) -> bool:
        """Whether it has fields that docker's form of a configuration has, and OCI's has not."""
        return self.healthcheck is not None or bool(self.shell or self.on_build)


class Layer(PartlyCompared, PartlyShown, frozen=True):
    """One layer blob. `diff_id` is the digest of the uncompressed tar, `digest` and `size` of the blob.

    `open` gives the blob's bytes. In the image's history `comment` says what the layer holds, and
    `created_by` what made it, and of what. `verified` is True if it has been checked that the blob of this digest and
    size, decompressed as its media type says, is the tar of this diff_id.
    """

    uncompared = ("open", "verified")
    unshown = ("open",)

    diff_id: Digest
    digest: Digest
    size: int
    media_type: str
    open: Callable[[], BinaryIO]
    comment: str = ""
    created_by: str = ""
    verified: bool = False


class Blob(PartlyCompared, PartlyShown, frozen=True):
    """Bytes under their digest: image-spec/descriptor.md. `open` gives them.

    With `must_be_read`, reading them to the end verifies more than the digest. So they must be read once, even if
    their destination has the same bytes already.
    """

    uncompared = ("open", "must_be_read")
    unshown = ("open",)

    media_type: str
    digest: Digest
    size: int
    open: Callable[[], BinaryIO]
    must_be_read: bool = False


class OriginalIndex(PartlyShown, frozen=True):
    """An image index as it was read: its bytes, the manifests of its images in order, and the other blobs below it."""

    unshown = ("data",)

    data: bytes
    manifests: tuple[Digest, ...]
    others: tuple[Blob, ...] = ()


class Original(PartlyShown, frozen=True):
    """The documents that an image was read from. They are written again as long as they agree with the image.

    So an unchanged image keeps its digest, whichever tool made it and whatever other fields its documents have.
    """

    unshown = ("config", "manifest")

    config: bytes
    manifest: bytes = b""
    index: OriginalIndex | None = None


class Image(PartlyCompared, PartlyShown, frozen=True, kw_only=True):
    """`created` counts whole seconds since 1970; `annotations` go into the manifest.

    `original` is there for an image that was read, and no part of what makes two images equal. Neither is `name`, what
    it is called where it was found: a whole name, or a tag alone behind a colon; nothing if it has none there.
    """

    uncompared = ("original", "name")
    unshown = ("original",)

    layers: tuple[Layer, ...]
    config: RunConfig
    platform: Platform
    created: int = 0
    author: str = ""
    annotations: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    original: Original | None = None
    name: str = ""

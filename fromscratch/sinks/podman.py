"""Into podman: `podman import` of the root and a metadata Dockerfile built on it, or a load that keeps the digest."""

import io
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal, assert_never, cast

from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed, ImageError
from fromscratch.formats.docker_archive import docker_archive
from fromscratch.formats.dockerfile import metadata_dockerfile
from fromscratch.host import engine as engines
from fromscratch.host.engine import Engine
from fromscratch.host.layers import Pieces, root_tar
from fromscratch.host.store import Store
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference
from fromscratch.progress import SILENT, Progress
from fromscratch.sinks.contract import Receipt

Via = Literal["import", "load"]
_BASE = "localhost/fromscratch-root"
_NO_LABEL_SINCE = (4, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodmanSink:
    """`via="import"` flattens the image into one layer, and podman dates it now; `via="load"` keeps it as it is.

    A name without a host is one of localhost's, as podman itself names what it builds. Raises
    MissingTool when podman does not work here, UsageError for a value that no Dockerfile can hold.
    """

    engine: Engine
    store: Store
    via: Via = "import"
    progress: Progress = SILENT

    def deliver(self, image: Image, reference: str) -> Receipt:
        name = engines.image_name(reference)
        name = name if name.host else replace(name, host="localhost")
        state = engines.status(self.engine).need()
        with self.progress.task(f"podman {self.via} {name}", unit="steps"):
            match self.via:
                case "import":
                    self._import(image, name, state.version)
                case "load":
                    with cast(BinaryIO, io.BufferedReader(Pieces(docker_archive(image, name)))) as archive:
                        self.engine.call("load", stdin=archive)
                case _:
                    assert_never(self.via)
        found = self.engine.image_id(str(name))
        if found is None:
            raise ImageError(f"podman took {name} but does not find it now", "see `podman images`")
        return Receipt(str(name), Digest.parse(found))

    def _import(self, image: Image, name: Reference, version: str) -> None:
        base = f"{_BASE}:{secrets.token_hex(8)}"
        dockerfile = metadata_dockerfile(image.config, base, name=str(name))
        platform = image.platform
        where = [f"--os={platform.os}", f"--arch={platform.architecture}"]
        if platform.variant:
            where.append(f"--variant={platform.variant}")
        # The OCI form has no health checks, and podman would drop it with a warning only.
        flags = ["--format=docker" if image.config.healthcheck else "--format=oci", "--layers=false", "--pull=never"]
        if _numbers(version) >= _NO_LABEL_SINCE:
            flags.append("--identity-label=false")
        try:
            with root_tar(image, self.store) as tar:
                self.engine.call("import", *where, "-", base, stdin=tar)
            self.engine.call(
                "build", f"--platform={platform}", *flags, "--tag", str(name), "-", stdin=dockerfile.encode()
            )
        finally:
            with suppress(CommandFailed):
                self.engine.call("image", "rm", base, check=False)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())

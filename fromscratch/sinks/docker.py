"""Into docker: `docker import` of the root and a metadata Dockerfile built on it, or a load that keeps the digest."""

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
from fromscratch.model.image import Image, Platform, RunConfig
from fromscratch.model.reference import Reference
from fromscratch.progress import SILENT, Progress
from fromscratch.sinks.contract import Receipt

Via = Literal["import", "load"]
_BASE = "localhost/fromscratch-root"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerSink:
    """`via="import"` flattens the image into one layer, and docker dates it now; `via="load"` keeps it as it is.

    With `import`, docker adds its default PATH where the image has none, and makes the working
    directory if it is not there. Raises MissingTool when docker does not answer, UsageError for a
    value that no Dockerfile can hold.
    """

    engine: Engine
    store: Store
    via: Via = "import"
    progress: Progress = SILENT

    def deliver(self, image: Image, reference: str) -> Receipt:
        name = engines.image_name(reference)
        daemon = engines.status(self.engine).need()
        with self.progress.task(f"docker {self.via} {name}", unit="steps"):
            match self.via:
                case "import":
                    self._import(image, name, daemon.platform)
                case "load":
                    self._load(image, name)
                case _:
                    assert_never(self.via)
        found = self.engine.image_id(str(name))
        if found is None:
            raise ImageError(f"docker took {name} but does not find it now", "see `docker images`")
        return Receipt(str(name), Digest.parse(found))

    def _import(self, image: Image, name: Reference, here: Platform | None) -> None:
        """The base has a name of its own until the end, since not every builder takes an ID behind FROM."""
        base = Reference.parse(f"{_BASE}:{secrets.token_hex(8)}")
        dockerfile = metadata_dockerfile(image.config, str(base), name=str(name))
        try:
            if image.platform == here:
                with root_tar(image, self.store) as tar:
                    self.engine.call("import", "-", str(base), stdin=tar)
            else:
                # An import is always for the daemon's own platform; a load says which.
                self._load(replace(image, config=RunConfig(), annotations={}), base)
            self.engine.call(
                "build", f"--platform={image.platform}", "--tag", str(name), "-", stdin=dockerfile.encode()
            )
        finally:
            with suppress(CommandFailed):
                self.engine.call("image", "rm", str(base), check=False)

    def _load(self, image: Image, name: Reference) -> None:
        with cast(BinaryIO, io.BufferedReader(Pieces(docker_archive(image, name)))) as archive:
            self.engine.call("load", stdin=archive)

"""Into docker: `docker import` of the root and a metadata Dockerfile built on it, or a load that keeps the digest."""

import io
import secrets
import time
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
_TRIES, _PAUSE = 10, 0.2


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
            flags = [f"--platform={image.platform}", "--force-rm", "--tag", str(name)]
            self.engine.call("build", *flags, "-", stdin=dockerfile.encode())
        except BaseException:
            with suppress(CommandFailed):
                self._forget(base)
            raise
        self.engine.call("image", "rm", str(base), check=False)

    def _forget(self, base: Reference) -> None:
        """Remove a base, and what a builder that was stopped has already made of it.

        The daemon ends the step it is at before it notices that nobody waits any more.
        """
        top = self.engine.image_id(str(base))
        if top is None:
            return
        for _ in range(_TRIES):
            family = _descendants(top, self._parents(top))
            self.engine.call("image", "rm", *reversed(family), check=False)
            if self.engine.image_id(top) is None:
                return
            time.sleep(_PAUSE)

    def _parents(self, top: str) -> dict[str, str]:
        """Every image that is younger than `top`, with what it was built on."""
        listed = self.engine.call("image", "ls", "--all", "--quiet", "--no-trunc", "--filter", f"since={top}")
        young = set(listed.stdout.decode().split())
        if not young:
            return {}
        told = self.engine.call("image", "inspect", "--format", "{{.Id}} {{.Parent}}", *young, check=False)
        pairs = (line.partition(" ") for line in told.stdout.decode().splitlines())
        return {child: parent for child, _, parent in pairs}

    def _load(self, image: Image, name: Reference) -> None:
        with cast(BinaryIO, io.BufferedReader(Pieces(docker_archive(image, name)))) as archive:
            self.engine.call("load", stdin=archive)


def _descendants(top: str, parents: dict[str, str]) -> list[str]:
    """`top` and all that was built on it, parents before children."""
    family = [top]
    for ancestor in family:
        family.extend(child for child, parent in parents.items() if parent == ancestor)
    return family

"""Into an engine: its `import` of the root and a metadata Dockerfile built on it, or a load that keeps the digest."""

import io
import secrets
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal, assert_never, cast

from fromscratch.digest import Digest
from fromscratch.errors import CommandFailed, ImageError
from fromscratch.formats.docker_archive import docker_archive
from fromscratch.formats.dockerfile import metadata_dockerfile
from fromscratch.host import engine as engines
from fromscratch.host.engine import Engine, Status
from fromscratch.host.layers import Pieces, root_tar
from fromscratch.host.store import Store
from fromscratch.model.image import Image, RunConfig
from fromscratch.model.reference import Reference
from fromscratch.progress import SILENT, Progress
from fromscratch.sinks.contract import Receipt

Via = Literal["import", "load"]
_BASE = "localhost/fromscratch-root"
_TRIES, _PAUSE = 10, 0.2
_NO_LABEL_SINCE = (4, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSink(ABC):
    """`via="import"` flattens the image into one layer, and the engine dates it now; `via="load"` keeps it as it is.

    With `import`, engines add their default PATH where the image has none, and make the working
    directory if it is not there. Raises MissingTool when the engine cannot be used, UsageError for a
    value that no Dockerfile can hold, CommandFailed.
    """

    engine: Engine
    store: Store
    via: Via = "import"
    progress: Progress = SILENT

    def deliver(self, image: Image, reference: str) -> Receipt:
        name = self._name(engines.image_name(reference))
        state = engines.status(self.engine).need()
        kind = self.engine.kind
        with self.progress.task(f"{kind} {self.via} {name}", unit="steps"):
            match self.via:
                case "import":
                    self._import(image, name, state)
                case "load":
                    self._load(image, name)
                case _:
                    assert_never(self.via)
        found = self.engine.image_id(str(name))
        if found is None:
            raise ImageError(f"{kind} took {name} but does not find it now", f"see `{kind} images`")
        return Receipt(str(name), Digest.parse(found))

    def _import(self, image: Image, name: Reference, state: Status) -> None:
        """The base has a name of its own until the end, since not every builder takes an ID behind FROM."""
        base = Reference.parse(f"{_BASE}:{secrets.token_hex(8)}")
        dockerfile = metadata_dockerfile(image.config, str(base), name=str(name)).encode()
        flags = [f"--platform={image.platform}", *self._build_flags(image, state), "--tag", str(name)]
        try:
            self._bring_root(image, base, state)
            self.engine.call("build", *flags, "-", stdin=dockerfile)
        except BaseException:
            with suppress(CommandFailed):
                self._forget(base)
            raise
        self._remove(str(base))

    def _load(self, image: Image, name: Reference) -> None:
        with cast(BinaryIO, io.BufferedReader(Pieces(docker_archive(image, name)))) as archive:
            self.engine.call("load", stdin=archive)

    def _import_root(self, image: Image, base: Reference, *flags: str) -> None:
        with root_tar(image, self.store) as tar:
            self.engine.call("import", *flags, "-", str(base), stdin=tar)

    def _remove(self, *images: str) -> None:
        self.engine.call("image", "rm", *images, check=False)

    @abstractmethod
    def _name(self, name: Reference) -> Reference:
        """The name that the engine itself would tell the image by."""

    @abstractmethod
    def _bring_root(self, image: Image, base: Reference, state: Status) -> None:
        """Make an image of the root alone, for the image's own platform."""

    @abstractmethod
    def _build_flags(self, image: Image, state: Status) -> list[str]:
        """What the engine's `build` needs, so that it adds nothing of its own and leaves nothing behind."""

    @abstractmethod
    def _forget(self, base: Reference) -> None:
        """Remove a base when the build on it has failed or was stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerSink(EngineSink):
    """Into a docker daemon."""

    def _name(self, name: Reference) -> Reference:
        return name

    def _bring_root(self, image: Image, base: Reference, state: Status) -> None:
        if image.platform == state.platform:
            self._import_root(image, base)
        else:
            # An import is always for the daemon's own platform; a load says which.
            self._load(replace(image, config=RunConfig(), annotations={}), base)

    def _build_flags(self, image: Image, state: Status) -> list[str]:
        return ["--force-rm"]

    def _forget(self, base: Reference) -> None:
        """What a builder that was stopped has already made of the base goes too.

        The daemon ends the step it is at before it notices that nobody waits any more.
        """
        top = self.engine.image_id(str(base))
        if top is None:
            return
        for _ in range(_TRIES):
            self._remove(*reversed(_descendants(top, self._parents(top))))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PodmanSink(EngineSink):
    """Into podman's storage. A name without a host is one of localhost's, as podman itself names what it builds."""

    def _name(self, name: Reference) -> Reference:
        return name if name.host else replace(name, host="localhost")

    def _bring_root(self, image: Image, base: Reference, state: Status) -> None:
        platform = image.platform
        variant = [f"--variant={platform.variant}"] if platform.variant else []
        self._import_root(image, base, f"--os={platform.os}", f"--arch={platform.architecture}", *variant)

    def _build_flags(self, image: Image, state: Status) -> list[str]:
        # The OCI form has no health checks and the like, and podman would drop them with a warning only.
        form = "docker" if image.config.needs_docker_form else "oci"
        unlabelled = ["--identity-label=false"] if _numbers(state.version) >= _NO_LABEL_SINCE else []
        return [f"--format={form}", "--layers=false", "--pull=never", *unlabelled]

    def _forget(self, base: Reference) -> None:
        self._remove(str(base))


def _descendants(top: str, parents: dict[str, str]) -> list[str]:
    """`top` and all that was built on it, parents before children."""
    family = [top]
    for ancestor in family:
        family.extend(child for child, parent in parents.items() if parent == ancestor)
    return family


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())

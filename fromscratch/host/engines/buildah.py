"""Buildah, by its program. It shares podman's storage, and starts no containers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from fromscratch.advice import Setting, advice
from fromscratch.errors import CommandFailed, UsageError
from fromscratch.host.engines.contract import Engine, Status, platform_of
from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import json_value
from fromscratch.model.image import Platform

_VERSION = lazy_regex(r"\bversion (\S+)")
_PROBE = ("info", "--format", "{{.host.os}}/{{.host.arch}}")


class Buildah(Engine, frozen=True, kw_only=True):
    """A buildah with its storage."""

    program: tuple[str, ...] = ("buildah",)

    kind: ClassVar[str] = "buildah"
    ways: ClassVar[str] = "import (from, config, commit) or load; it starts nothing"
    install: ClassVar[str] = "apt-get install buildah"
    lists: ClassVar[str] = "buildah images"

    def status(self) -> Status:
        answer = self.probed(*_PROBE)
        if isinstance(answer, Status):
            return answer
        if answer.returncode:
            return self.unusable(answer.stderr, f"{self.program[0]} info")
        version = _VERSION.search(self.call("--version", check=False).stdout.decode("utf-8", "replace"))
        platform = platform_of(answer.stdout.decode("utf-8", "replace").strip())
        return Status(engine=self, version=version[1] if version else "", platform=platform)

    def container_pid(self, container: str) -> int | None:
        return None

    def image_id(self, image: str) -> str | None:
        found = self.inspected(image)
        return f"sha256:{found['FromImageID']}" if found else None

    def inspected(self, image: str, kind: str = "image") -> dict[str, Any] | None:
        """What `buildah inspect` says of an image (or of a container), or None if there is none of that name."""
        found = self.call("inspect", "--type", kind, image, check=False)
        if found.returncode:
            return None
        try:
            document = json_value(found.stdout)
        except ValueError as error:
            raise CommandFailed(
                f"the answer of buildah about {image} cannot be read", "see `buildah inspect`"
            ) from error
        return document if isinstance(document, dict) else None

    def save(self, image: str, path: Path, platforms: Sequence[Platform] = ()) -> None:
        # Save in the form of the image: docker's has no annotations, OCI's no health check.
        found = self.inspected(image) or {}
        docker = "docker" in str(json_value(found.get("Manifest") or "{}").get("mediaType"))
        # Only the file name: a colon in the path of its folder would end the path here.
        archive = f"{'docker' if docker else 'oci'}-archive:{path.name}"
        self.call("push", "--quiet", image, archive, cwd=path.parent)

    def remove(self, *images: str) -> None:
        if images:
            self.call("rmi", *images, check=False)

    def forget(self, image: str) -> None:
        self.call("rmi", "--force", image, check=False)

    def start(self, image: str, words: Sequence[str], *, terminal: bool, entrypoint: Sequence[str] = ()) -> int:
        raise self.refusal()

    def refusal(self) -> UsageError:
        """The error: it starts no containers."""
        return UsageError(
            "buildah makes images and does not start them",
            advice(
                "say ",
                Setting("engine", "podman"),
                ", which has the same images, or ",
                Setting("engine", "none"),
                " for a private root",
            ),
        )

"""Podman, by its program: it has no daemon of its own."""

from typing import ClassVar

from fromscratch.host.engines.contract import Engine, Status, platform_of

# Opens podman's storage, which is what fails where it cannot work.
_PROBE = ("info", "--format", "{{.Version.Version}} linux/{{.Host.Arch}}")


class Podman(Engine, frozen=True, kw_only=True):
    """A podman with its storage."""

    program: tuple[str, ...] = ("podman",)

    kind: ClassVar[str] = "podman"
    ways: ClassVar[str] = "import (import, then build) or load"
    install: ClassVar[str] = "apt-get install podman"
    lists: ClassVar[str] = "podman images"

    def temporary_images(self, name: str) -> list[str]:
        words = ("--noheading", "--filter", f"reference={name}", "--format", "{{.Repository}}:{{.Tag}}")
        return self.call("images", *words).stdout.decode("utf-8", "replace").split()

    def status(self) -> Status:
        answer = self.probed(*_PROBE)
        if isinstance(answer, Status):
            return answer
        if answer.returncode:
            return self.unusable(answer.stderr, f"{self.program[0]} info")
        version, _, platform = answer.stdout.decode("utf-8", "replace").strip().partition(" ")
        return Status(engine=self, version=version, platform=platform_of(platform))

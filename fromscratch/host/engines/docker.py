"""Docker: its daemon by the Engine API, or by docker's own client if only that can reach it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar

from fromscratch.advice import Setting, advice
from fromscratch.errors import ImageError, MissingTool
from fromscratch.host.engines import docker_address
from fromscratch.host.engines.contract import Engine, Status, platform_of
from fromscratch.host.engines.docker_address import Address
from fromscratch.host.engines.docker_api import Daemon, DockerApi, Unreachable
from fromscratch.host.process import run
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.image import Platform
from fromscratch.model.reference import Reference

_SOCKET = lazy_regex(r"(?:unix|tcp|ssh|http|https|npipe|fd)://[^\s\"]+[^\s\".:,]")
_PROBE = "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}} {{range .Server.Components}}{{.Name}}|{{end}}"
_OWN = "Engine"


class Docker(Engine, frozen=True, kw_only=True):
    """A docker daemon. `address` is where it listens; if empty, docker's own rules decide.

    Only starting containers needs docker's client.
    """

    address: str = ""
    program: tuple[str, ...] = ("docker",)

    kind: ClassVar[str] = "docker"
    ways: ClassVar[str] = "import (in one request) or load"
    install: ClassVar[str] = "apt-get install docker.io"
    lists: ClassVar[str] = "docker images"

    def where(self) -> Address:
        """The address of the daemon. Raises ImageError for a docker context that does not exist."""
        if self.address:
            return docker_address.given(self.address)
        return docker_address.daemon_address({**os.environ, **self.env})

    def api(self) -> DockerApi | None:
        """The API of the daemon; None if only docker's client can reach it."""
        where = self.where()
        return None if where.client else DockerApi(where.text)

    def import_root(self, tar: BinaryIO, name: Reference, changes: str) -> None:
        """Make an image of a tar, configured by these lines of a Dockerfile. Raises CommandFailed."""
        api = self.api()
        if api:
            api.import_root(tar, name, [changes] if changes else [])
        else:
            flags = ["--change", changes] if changes else []
            self.call("import", *flags, "-", str(name), stdin=tar)

    def load(self, archive: BinaryIO) -> None:
        """Load the images of a docker-archive. Raises CommandFailed."""
        api = self.api()
        if api:
            api.load(archive)
        else:
            self.call("load", stdin=archive)

    def image_id(self, image: str) -> str | None:
        api = self.api()
        return api.image_id(image) if api else super().image_id(image)

    def save(self, image: str, path: Path, platforms: Sequence[Platform] = ()) -> None:
        api = self.api()
        if api:
            api.save(image, path)
        else:
            super().save(image, path, platforms)

    def remove(self, *images: str) -> None:
        api = self.api()
        if not api:
            super().remove(*images)
            return
        for image in images:
            api.remove(image)

    def forget(self, image: str) -> None:
        api = self.api()
        if api:
            api.remove(image, force=True)
        else:
            super().forget(image)

    def start(self, image: str, words: Sequence[str], *, terminal: bool, entrypoint: Sequence[str] = ()) -> int:
        refusal = self.refusal()
        if refusal:
            raise refusal
        return super().start(image, words, terminal=terminal, entrypoint=entrypoint)

    def refusal(self) -> MissingTool | None:
        if run.find(self.program[0]):
            return None
        return MissingTool(
            "docker's client, which starts containers, is not on this machine",
            advice(
                f"install it, on Debian for example with: {self.install}, or say ",
                Setting("engine", "none"),
                " for a private root",
            ),
        )

    def status(self) -> Status:
        try:
            where = self.where()
        except ImageError as error:
            return Status(engine=self, problem=error.message, hint=error.hint)
        if where.client:
            return self._by_client(where)
        try:
            daemon = DockerApi(where.text).daemon()
        except Unreachable as error:
            return self._unreachable(where, error.error)
        return self._available(daemon, where)

    def _available(self, daemon: Daemon, where: Address) -> Status:
        return Status(
            engine=self,
            version=daemon.version,
            platform=daemon.platform,
            reached=f"its API {daemon.api} at {where}",
            product="" if daemon.product == _OWN else daemon.product,
        )

    def _by_client(self, where: Address) -> Status:
        if run.find(self.program[0]) is None:
            return Status(
                engine=self,
                problem=f"docker at {where} needs docker's own client, for {where.client}, and that is not here",
                hint=advice(f"install it, on Debian for example with: {self.install}, or use ", self.alternatives),
            )
        answer = self.probed("version", "--format", _PROBE)
        if isinstance(answer, Status):
            return answer
        if answer.returncode:
            return self._refused(where, answer.stderr.decode("utf-8", "replace").strip())
        version, platform, products = (*answer.stdout.decode("utf-8", "replace").strip().split(" ", 2), "", "")[:3]
        product = products.partition("|")[0]
        return Status(
            engine=self,
            version=version,
            platform=platform_of(platform),
            reached=f"its client, to {where}",
            product="" if product == _OWN else product,
        )

    def _unreachable(self, where: Address, error: Exception) -> Status:
        if isinstance(error, PermissionError):
            return self._forbidden(where)
        if isinstance(error, OSError):
            expected = where.text != docker_address.DEFAULT or run.find(self.program[0]) or run.find("dockerd")
            return self._no_answer(where) if expected else self.absent()
        return Status(engine=self, problem=f"docker at {where} does not work: {error}", hint="see `docker version`")

    def _refused(self, where: Address, message: str) -> Status:
        """The status for an error message of the client."""
        found = _SOCKET.search(message)
        address = docker_address.given(found[0]) if found else where
        if "permission denied" in message:
            return self._forbidden(address)
        if "cannot connect" in message.lower():
            return self._no_answer(address)
        last = message.splitlines()[-1] if message else "it says nothing"
        return Status(
            engine=self, problem=f"docker is installed but does not work: {last}", hint="see `docker version`"
        )

    def _forbidden(self, where: Address) -> Status:
        return Status(
            engine=self,
            problem=f"docker is installed but this user may not use its daemon at {where}",
            hint=advice("join its group (usermod -aG docker USER, then log in again), or use ", self.alternatives),
        )

    def _no_answer(self, where: Address) -> Status:
        installed = run.find(self.program[0]) or run.find("dockerd")
        what = "docker is installed but its daemon does not answer" if installed else "no docker daemon answers"
        return Status(
            engine=self,
            problem=f"{what} at {where}",
            hint=advice("start it (systemctl start docker), set DOCKER_HOST, or use ", self.alternatives),
        )

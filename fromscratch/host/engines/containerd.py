"""Containerd, by the program `ctr` that comes with it.

CONTAINERD_ADDRESS is the path of its socket, and CONTAINERD_NAMESPACE one of its namespaces: `default`,
or `k8s.io` for the images of Kubernetes.
"""

import os
import re
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar

from fromscratch.advice import advice
from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.host.engines.contract import PATIENCE, Engine, Status
from fromscratch.host.process import run
from fromscratch.model.image import Platform
from fromscratch.model.reference import Reference, full_name

_ADDRESS, _NAMESPACE = "/run/containerd/containerd.sock", "default"


class Containerd(Engine, frozen=True, kw_only=True):
    """One namespace of a containerd."""

    program: tuple[str, ...] = ("ctr",)

    kind: ClassVar[str] = "containerd"
    ways: ClassVar[str] = "import (flattened here) or load"
    install: ClassVar[str] = "apt-get install containerd"
    lists: ClassVar[str] = "ctr images ls"

    @property
    def address(self) -> str:
        return self._variable("CONTAINERD_ADDRESS", _ADDRESS)

    @property
    def namespace(self) -> str:
        return self._variable("CONTAINERD_NAMESPACE", _NAMESPACE)

    def _variable(self, name: str, default: str) -> str:
        return self.env.get(name) or os.environ.get(name) or default

    def status(self) -> Status:
        if run.find(self.program[0]) is None:
            return self.absent()
        try:
            # Connect first: ctr itself would wait for many seconds.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(PATIENCE)
                probe.connect(self.address)
        except OSError as error:
            return self._unreachable(error)
        answer = self.probed("version")
        if isinstance(answer, Status):
            return answer
        if answer.returncode:
            return self.unusable(answer.stderr, f"{self.program[0]} version")
        server = answer.stdout.decode("utf-8", "replace").partition("Server:")[2]
        version = next((line.split()[-1] for line in server.splitlines() if line.strip().startswith("Version:")), "")
        # The socket is local, so the platform is this machine's.
        reached = f"{self.address}, namespace {self.namespace}"
        return Status(engine=self, version=version, platform=Platform.of_this_machine(), reached=reached)

    def _unreachable(self, error: OSError) -> Status:
        if isinstance(error, PermissionError):
            problem = f"ctr is installed but this user may not use containerd at {self.address}"
            hint = advice("do it as root, or use ", self.alternatives)
        else:
            problem = f"ctr is installed but containerd does not answer at {self.address}"
            hint = advice("start it (systemctl start containerd), set CONTAINERD_ADDRESS, or use ", self.alternatives)
        return Status(engine=self, problem=problem, hint=hint)

    def container_pid(self, container: str) -> int | None:
        if not self.status().available:  # without a daemon, ctr would wait for many seconds
            return None
        found = self.call("tasks", "ls", check=False, timeout=PATIENCE)
        rows = [line.split() for line in found.stdout.decode("utf-8", "replace").splitlines()[1:]]
        return next((int(row[1]) for row in rows if row[:1] == [container] and row[1].isdecimal()), None)

    def image_id(self, image: str) -> str | None:
        """The digest of its manifest or index, by which containerd identifies images."""
        listing = self.call("images", "ls", f"name=={_full(image)}", check=False).stdout.decode("utf-8", "replace")
        for line in listing.splitlines()[1:]:
            for word in line.split():
                if word.startswith("sha256:"):
                    return str(Digest.parse(word))
        return None

    def bring(self, archive: BinaryIO, *, platforms: Sequence[Platform]) -> None:
        """Import the images of a docker-archive or oci-archive, and unpack those of these platforms."""
        which = [f"--platform={platforms[0]}"] if len(platforms) == 1 else ["--all-platforms"]
        # hang_up: a ctr ended by a signal would leave a lease, which keeps the imported blobs for a day.
        self.call("images", "import", *which, "-", stdin=archive, hang_up=True)

    def rename(self, image: str, name: str) -> None:
        """Give an image another name, which another image may have had."""
        self.call("images", "tag", "--force", image, name, hang_up=True)  # hang_up: for the lease, as above
        self.remove(image)

    def save(self, image: str, path: Path, platforms: Sequence[Platform] = ()) -> None:
        # The manifest.json that it adds, for docker, lists one platform.
        several = ["--all-platforms", "--skip-manifest-json"]
        which = several if len(platforms) > 1 else [f"--platform={platform}" for platform in platforms]
        self.call("images", "export", *which, str(path), _full(image))

    def remove(self, *images: str) -> None:
        if images:
            # --sync: wait until unused blobs are removed.
            self.call("images", "rm", "--sync", *map(_full, images), check=False)

    def temporary_images(self, name: str) -> list[str]:
        listed = self.call("images", "ls", "--quiet", f"name~=^{re.escape(name)}:").stdout
        return listed.decode("utf-8", "replace").split()

    def forget(self, image: str) -> None:
        self.remove(image)

    def start(self, image: str, words: Sequence[str], *, terminal: bool, entrypoint: Sequence[str] = ()) -> int:
        flags = ["--rm", *(["--tty"] if terminal else []), *self.run_flags]
        # The words for ctr replace the entry point too.
        argv = [*entrypoint, *words] if words else []
        container = f"fromscratch-{secrets.token_hex(6)}"
        return run.interactive(
            [*self.program, "run", *flags, _full(image), container, *argv], env=run.environment(self.env)
        )


def _full(image: str) -> str:
    """The name with its registry, as containerd has it; unchanged if it is not an image name."""
    try:
        name = Reference.parse(image)
    except UsageError:
        return image
    return full_name(name) if name.digest is None else image

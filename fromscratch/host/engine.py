"""Container engines of this machine: which are there, which answer, and how to call them."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import BinaryIO, Literal

from fromscratch.errors import CommandFailed, MissingTool, UsageError
from fromscratch.host import run
from fromscratch.host.run import Completed
from fromscratch.model.image import Platform
from fromscratch.model.reference import Reference

Kind = Literal["docker", "podman"]
KINDS: tuple[Kind, ...] = ("docker", "podman")

_PATIENCE = 10.0
_ADDRESS = re.compile(r"(?:unix|tcp|ssh|http|https|npipe|fd)://[^\s\"]+[^\s\".:,]")
_DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
_PROBES: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "docker": ("version", "--format", "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}"),
        # podman has no daemon to answer; this opens its storage, which is what fails where it cannot work.
        "podman": ("info", "--format", "{{.Version.Version}} linux/{{.Host.Arch}}"),
    }
)
_INSTALL: Mapping[Kind, str] = MappingProxyType(
    {"docker": "apt-get install docker.io", "podman": "apt-get install podman"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How an engine is called.

    `program` is the command with what always follows it, such as ("docker", "-H", "unix:///run/x.sock");
    `run_flags` is added to its `run` only; `env` to its environment. DOCKER_HOST, CONTAINER_HOST
    and the like are taken from ours.
    """

    kind: Kind
    program: tuple[str, ...]
    run_flags: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def call(
        self, *words: str, stdin: bytes | BinaryIO | None = None, check: bool = True, timeout: float | None = None
    ) -> Completed:
        """Run one of its commands. Raises CommandFailed."""
        return run.run(
            [*self.program, *words], stdin=stdin, check=check, timeout=timeout, env=run.environment(self.env)
        )

    def start(self, image: str, words: Sequence[str], *, terminal: bool) -> int:
        """Run a container of an image on the caller's own streams and remove it; the answer is its exit code."""
        flags = ["--rm", "--interactive", *(["--tty"] if terminal else []), *self.run_flags]
        return run.interactive([*self.program, "run", *flags, image, *words], env=run.environment(self.env))

    def image_id(self, image: str) -> str | None:
        """The ID that the engine knows an image by, as sha256:…, or None if it has no such image."""
        found = self.call("image", "inspect", "--format", "{{.Id}}", image, check=False)
        text = found.stdout.decode().strip()
        if found.returncode or not text:
            return None
        return text if ":" in text else f"sha256:{text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Whether an engine can be used now; `problem` and `hint` are empty if so. `platform` is where it runs."""

    kind: Kind
    engine: Engine
    version: str = ""
    platform: Platform | None = None
    problem: str = ""
    hint: str = ""

    @property
    def available(self) -> bool:
        return not self.problem

    def need(self) -> "Status":
        """This, or MissingTool if the engine cannot be used."""
        if self.problem:
            raise MissingTool(self.problem, self.hint)
        return self


def image_name(text: str) -> Reference:
    """The name that an image is to have in an engine. Raises UsageError for one that only a finished image has."""
    name = Reference.parse(text)
    if name.digest is not None:
        raise UsageError(f"{text} holds a digest, which an image only has afterwards", "write it as NAME:TAG")
    return name


def engine(kind: str) -> Engine:
    """The engine of this name, whether it is there or not. Raises UsageError for a name that is none."""
    for known in KINDS:
        if kind == known:
            return Engine(kind=known, program=(known,))
    raise UsageError(f"{kind!r} is no engine", f"write {' or '.join(KINDS)}")


def status(of: Engine) -> Status:
    """Ask an engine. Never raises, and takes a moment only."""
    program = run.find(of.program[0])
    if program is None:
        return Status(
            kind=of.kind,
            engine=of,
            problem=f"{of.program[0]} is not on this machine",
            hint=f"install it, on Debian for example with: {_INSTALL[of.kind]}, or use {_alternatives(of.kind)}",
        )
    try:
        answer = of.call(*_PROBES[of.kind], check=False, timeout=_PATIENCE)
    except CommandFailed as error:
        return Status(kind=of.kind, engine=of, problem=f"{of.program[0]} is installed but {error}", hint=error.hint)
    if answer.returncode:
        return _unusable(of, answer.stderr.decode("utf-8", "replace").strip())
    version, _, platform = answer.stdout.decode("utf-8", "replace").strip().partition(" ")
    return Status(kind=of.kind, engine=of, version=version, platform=_platform(platform))


def find_engine(kind: str | None = None) -> Status:
    """The engine of this name, or the first that answers. Raises MissingTool, saying why none does."""
    if kind is not None:
        return status(engine(kind)).need()
    asked = [status(engine(known)) for known in KINDS]
    for found in asked:
        if found.available:
            return found
    raise MissingTool(
        f"no container engine can be used: {'; '.join(one.problem for one in asked)}",
        f"{asked[0].hint}; fromscratch run needs none, nor does pack",
    )


def _unusable(of: Engine, said: str) -> Status:
    last = said.splitlines()[-1] if said else "it says nothing"
    if of.kind != "docker":
        problem = f"{of.program[0]} is installed but does not work here: {last}"
        return Status(kind=of.kind, engine=of, problem=problem, hint=f"see `{of.program[0]} info`")
    found = _ADDRESS.search(said)
    address = found[0] if found else os.environ.get("DOCKER_HOST") or _DEFAULT_ADDRESS
    if "permission denied" in said:
        return Status(
            kind=of.kind,
            engine=of,
            problem=f"docker is installed but this user may not use its daemon at {address}",
            hint=f"join its group (usermod -aG docker USER, then log in again), or use {_alternatives(of.kind)}",
        )
    if "cannot connect" in said.lower():
        return Status(
            kind=of.kind,
            engine=of,
            problem=f"docker is installed but its daemon does not answer at {address}",
            hint=f"start it (systemctl start docker), set DOCKER_HOST, or use {_alternatives(of.kind)}",
        )
    return Status(
        kind=of.kind, engine=of, problem=f"docker is installed but does not work: {last}", hint="see `docker version`"
    )


def _alternatives(kind: Kind) -> str:
    other = "podman" if kind == "docker" else "docker"
    return f"--engine {other}, or pack --to docker-archive"


def _platform(text: str) -> Platform | None:
    try:
        return Platform.parse(text)
    except UsageError:
        return None

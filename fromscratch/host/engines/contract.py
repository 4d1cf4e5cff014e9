"""What every container engine is to us: a program that is called, with images that can be asked for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, ClassVar, Literal

from fromscratch.advice import Advice, Setting, advice
from fromscratch.errors import CommandFailed, ImageError, MissingTool, UsageError
from fromscratch.host.process import run
from fromscratch.host.process.run import Completed
from fromscratch.model.image import Platform
from fromscratch.model.reference import Reference

Kind = Literal["docker", "podman", "buildah", "containerd"]
KINDS: tuple[Kind, ...] = ("docker", "podman", "buildah", "containerd")
"""In the order in which they are tried where nobody says which."""

PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine(ABC):
    """How an engine is called.

    `program` is the command with what always follows it, such as ("docker", "-H", "unix:///run/x.sock");
    `run_flags` is added to its `run` only; `env` to its environment. DOCKER_HOST, CONTAINER_HOST,
    CONTAINERD_ADDRESS and the like are taken from ours.
    """

    program: tuple[str, ...]
    run_flags: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    kind: ClassVar[Kind]
    ways: ClassVar[str]
    """How images can be brought into it, in a few words."""
    install: ClassVar[str]
    lists: ClassVar[str]
    """The command that lists its images."""

    def call(
        self,
        *words: str,
        stdin: bytes | BinaryIO | None = None,
        cwd: Path | None = None,
        check: bool = True,
        timeout: float | None = None,
        hang_up: bool = False,
    ) -> Completed:
        """Run one of its commands; `hang_up` is as for `run.run`. Raises CommandFailed."""
        argv, env = [*self.program, *words], run.environment(self.env)
        # ctr says what it has done before it gives back its lease.
        return run.run(
            argv, stdin=stdin, cwd=cwd, check=check, timeout=timeout, env=env, hang_up=hang_up, outlives=True
        )

    def start(self, image: str, words: Sequence[str], *, terminal: bool, entrypoint: Sequence[str] = ()) -> int:
        """Run a container of an image on the caller's own streams and remove it; the answer is its exit code.

        `words` take the place of the image's cmd. `entrypoint` is the image's own, for a program that forgets it.
        Raises `refusal`.
        """
        flags = ["--rm", "--interactive", *(["--tty"] if terminal else []), *self.run_flags]
        return run.interactive([*self.program, "run", *flags, image, *words], env=run.environment(self.env))

    def image_id(self, image: str) -> str | None:
        """What the engine knows an image by, as sha256:…, or None if it has no such image."""
        found = self.call("image", "inspect", "--format", "{{.Id}}", image, check=False)
        text = found.stdout.decode().strip()
        if found.returncode or not text:
            return None
        return text if ":" in text else f"sha256:{text}"

    def save(self, image: str, path: Path, platforms: Sequence[Platform] = ()) -> None:
        """Write an image to a file, as a docker-archive or oci-archive; of several, those of these platforms.

        Raises CommandFailed.
        """
        self.call("save", "--output", str(path), image)

    def remove(self, *images: str) -> None:
        """Take images, or names of images, away; what is not there or is in use stays as it is."""
        if images:
            self.call("image", "rm", *images, check=False)

    def forget(self, image: str) -> None:
        """Take an image away that a container may still hold on to."""
        self.call("image", "rm", "--force", image, check=False)

    def passing(self, name: str) -> list[str]:
        """The images of this name, each with its tag, that are there while others are made; none if that cannot be."""
        return []

    def refusal(self) -> ImageError | None:
        """Why it starts no containers; None if it does."""
        return None

    @abstractmethod
    def status(self) -> "Status":
        """Ask the engine. Never raises, and takes a moment only."""

    def absent(self) -> "Status":
        return Status(
            engine=self,
            problem=f"{self.program[0]} is not on this machine",
            hint=advice(f"install it, on Debian for example with: {self.install}, or use ", self.alternatives),
        )

    def probed(self, *words: str) -> "Completed | Status":
        """What a command answers, or the status that it cannot be run."""
        if run.find(self.program[0]) is None:
            return self.absent()
        try:
            return self.call(*words, check=False, timeout=PATIENCE)
        except CommandFailed as error:
            return Status(engine=self, problem=f"{self.program[0]} is installed but {error}", hint=error.hint)

    def unusable(self, said: bytes, see: str) -> "Status":
        """The status of an engine that is there and does not work; `said` is what it says itself."""
        lines = said.decode("utf-8", "replace").strip().splitlines()
        last = lines[-1] if lines else "it says nothing"
        return Status(
            engine=self, problem=f"{self.program[0]} is installed but does not work here: {last}", hint=f"see `{see}`"
        )

    @property
    def alternatives(self) -> Advice:
        """What to use instead, for hints."""
        others = [kind for kind in KINDS if kind != self.kind]
        rest = "".join(f", {kind}" for kind in others[1:-1])
        pack = Setting("to", "docker-archive")
        return advice(Setting("engine", others[0]), f"{rest} or {others[-1]}, or pack ", pack)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Whether an engine can be used now; `problem` and `hint` are empty if so.

    `platform` is where it runs, `reached` how, if there is more than one way, and `product` the name of
    the program that answers, where others than the engine's own may.
    """

    engine: Engine
    version: str = ""
    platform: Platform | None = None
    reached: str = ""
    product: str = ""
    problem: str = ""
    hint: str = ""

    @property
    def kind(self) -> Kind:
        return self.engine.kind

    @property
    def available(self) -> bool:
        return not self.problem

    @property
    def numbers(self) -> tuple[int, ...]:
        """The first two numbers of the version."""
        return tuple(int(part) for part in self.version.split(".")[:2] if part.isdigit())

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


def platform_of(text: str) -> Platform | None:
    try:
        return Platform.parse(text)
    except UsageError:
        return None

"""The interface of all container engines, and the status of one on this machine."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, ClassVar

from msgspec import Struct, field

from fromscratch.advice import Advice, Setting, advice
from fromscratch.errors import CommandFailed, ImageError, MissingTool, UsageError
from fromscratch.host.process import run
from fromscratch.host.process.run import Completed
from fromscratch.model.image import Platform
from fromscratch.model.reference import Reference

PATIENCE = 10.0


class Engine(Struct, frozen=True, kw_only=True):
    """A container engine, and how to call it.

    `program` is the command with its constant arguments, such as ("docker", "-H", "unix:///run/x.sock");
    `run_flags` is added to its `run` only; `env` to its environment. DOCKER_HOST, CONTAINER_HOST,
    CONTAINERD_ADDRESS and the like are passed on. `others` are the engines that hints name instead of it.
    """

    program: tuple[str, ...]
    run_flags: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    others: tuple[str, ...] = ()

    kind: ClassVar[str]
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
        # outlives: ctr writes to its output before it releases its lease, and must not die of SIGPIPE there.
        return run.run(
            argv, stdin=stdin, cwd=cwd, check=check, timeout=timeout, env=env, hang_up=hang_up, outlives=True
        )

    def start(self, image: str, words: Sequence[str], *, terminal: bool, entrypoint: Sequence[str] = ()) -> int:
        """Run a container of an image on the caller's own streams and remove it; the answer is its exit code.

        `words` replace the image's cmd. `entrypoint` is the image's own, for an engine that would drop it.
        Raises `refusal`.
        """
        flags = ["--rm", "--interactive", *(["--tty"] if terminal else []), *self.run_flags]
        return run.interactive([*self.program, "run", *flags, image, *words], env=run.environment(self.env))

    def image_id(self, image: str) -> str | None:
        """The ID of an image in the engine, as sha256:…, or None if it has no such image."""
        found = self.call("image", "inspect", "--format", "{{.Id}}", image, check=False)
        text = found.stdout.decode().strip()
        if found.returncode or not text:
            return None
        return text if ":" in text else f"sha256:{text}"

    def container_pid(self, container: str) -> int | None:
        """Process 1 of a running container, as this machine numbers it; None if there is no such container."""
        if run.find(self.program[0]) is None:
            return None
        words = ("container", "inspect", "--format", "{{.State.Pid}}", container)
        found = self.call(*words, check=False, timeout=PATIENCE)
        text = found.stdout.strip()
        return int(text) or None if not found.returncode and text.isdigit() else None

    def save(self, image: str, path: Path, platforms: Sequence[Platform] = ()) -> None:
        """Write an image to a file, as a docker-archive or oci-archive; of several, those of these platforms.

        Raises CommandFailed.
        """
        self.call("save", "--output", str(path), image)

    def remove(self, *images: str) -> None:
        """Remove images, or names of images; ignores those that are not there or in use."""
        if images:
            self.call("image", "rm", *images, check=False)

    def forget(self, image: str) -> None:
        """Remove an image that a container may still use."""
        self.call("image", "rm", "--force", image, check=False)

    def temporary_images(self, name: str) -> list[str]:
        """The temporary images of this name, each with its tag; none in an engine that needs no temporary images."""
        return []

    def refusal(self) -> ImageError | None:
        """Why it starts no containers; None if it does."""
        return None

    @abstractmethod
    def status(self) -> "Status":
        """Probe the engine. Never raises, and takes some seconds at most."""

    def absent(self) -> "Status":
        """The status of an engine that is not installed."""
        return Status(
            engine=self,
            problem=f"{self.program[0]} is not on this machine",
            hint=advice(f"install it, on Debian for example with: {self.install}, or use ", self.alternatives),
        )

    def probed(self, *words: str) -> "Completed | Status":
        """The result of a command, or the status if it cannot be run."""
        if run.find(self.program[0]) is None:
            return self.absent()
        try:
            return self.call(*words, check=False, timeout=PATIENCE)
        except CommandFailed as error:
            return Status(engine=self, problem=f"{self.program[0]} is installed but {error}", hint=error.hint)

    def unusable(self, output: bytes, see: str) -> "Status":
        """The status of an engine that is installed and does not work; `output` is what it wrote."""
        lines = output.decode("utf-8", "replace").strip().splitlines()
        last = lines[-1] if lines else "it says nothing"
        return Status(
            engine=self, problem=f"{self.program[0]} is installed but does not work here: {last}", hint=f"see `{see}`"
        )

    @property
    def alternatives(self) -> Advice:
        """The other engines, for hints."""
        first, between, last = self.others[:1], self.others[1:-1], self.others[1:][-1:]
        rest = "".join([*(f", {kind}" for kind in between), *(f" or {kind}" for kind in last)])
        engines = (Setting("engine", first[0]), f"{rest}, or ") if first else ()
        return advice(*engines, "pack ", Setting("to", "docker-archive"))


class Status(Struct, frozen=True, kw_only=True):
    """Whether an engine can be used now; `problem` and `hint` are empty if so.

    `platform` is where it runs, `reached` how it is reached, if there are several ways, and `product` the name of
    the program that answers, if it is not the engine's own.
    """

    engine: Engine
    version: str = ""
    platform: Platform | None = None
    reached: str = ""
    product: str = ""
    problem: str = ""
    hint: str = ""

    @property
    def kind(self) -> str:
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
    """A name for an image in an engine. Raises UsageError for one with a digest."""
    name = Reference.parse(text)
    if name.digest is not None:
        raise UsageError(f"{text} holds a digest, which an image only has afterwards", "write it as NAME:TAG")
    return name


def platform_of(text: str) -> Platform | None:
    """The platform in this text; None if it is not one."""
    try:
        return Platform.parse(text)
    except UsageError:
        return None

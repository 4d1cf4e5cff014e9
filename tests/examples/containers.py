"""The same steps in containers of a real engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fromscratch.host.engines.contract import Engine
from tests.cli.command import Desk
from tests.examples.bundled import Bundled
from tests.examples.rooms import Step, wrong


@dataclass(frozen=True)
class Container:
    """An image that an engine has. Its containers have a loopback device of their own, or that of another one."""

    engine: Engine
    reference: str
    network: str = "none"
    hosts: Path | None = None

    def fault(self, step: Step) -> str:
        """What is wrong with it in a new container; empty if nothing is."""
        flags = [f"--env={name}={value}" for name, value in step.env.items()]
        flags += [f"--volume={self.hosts}:/etc/hosts:ro"] if self.hosts else []
        flags += [f"--entrypoint={step.entrypoint}"] if step.entrypoint is not None else []
        run = self._run("--rm", "--interactive", *flags)
        made = self.engine.call(*run, *step.words, stdin=step.stdin.encode(), check=False, timeout=60)
        return wrong(step, made.returncode, (made.stdout + made.stderr).decode("utf-8", "replace"))

    @contextmanager
    def serving(self, *words: str) -> Iterator[str]:
        """Started in the background; the value is the network that others join to reach it by its name."""
        launched = self.engine.call(*self._run("--detach"), *words).stdout.decode().split()[-1]
        try:
            yield f"container:{launched}"
        finally:
            self.engine.call("rm", "--force", launched)

    def beside(self, network: str, hosts: Path) -> "Container":
        return replace(self, network=network, hosts=hosts)

    def _run(self, *flags: str) -> tuple[str, ...]:
        ours = [flag for flag in self.engine.run_flags if not flag.startswith("--network")]
        return ("run", *ours, f"--network={self.network}", *flags, self.reference)


@contextmanager
def in_docker(docker: Engine, image: Bundled) -> Iterator[Container]:
    """`bundle --tag`, as it was called before with this added."""
    tag = f"fromscratch-example-{image.name}:test"
    desk = Desk(image.desk.folder, image.desk.store, {"DOCKER_HOST": docker.program[2]})
    desk.answer("bundle", *image.words, "--name", image.name, "--tag", tag, "--engine", "docker", "--quiet")
    try:
        yield Container(docker, tag)
    finally:
        docker.call("image", "rm", tag)


@contextmanager
def in_podman(podman: Engine, image: Bundled) -> Iterator[Container]:
    """As podman pulls the layout."""
    found = podman.call("pull", "--quiet", f"oci:{image.layout}").stdout.decode().split()[-1]
    try:
        yield Container(podman, found)
    finally:
        podman.call("image", "rm", found)

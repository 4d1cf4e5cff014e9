"""Running Buildroot's make: its command line, a clean environment, progress, and failures in plain words."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.host.process import run
from fromscratch.host.storage import disk
from fromscratch.progress import Progress
from fromscratch.sources.buildroot import failure
from fromscratch.sources.buildroot.costs import Costs, Step
from fromscratch.sources.buildroot.progress import Watcher
from fromscratch.sources.buildroot.tree import Tree

_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# What the caller's environment could slip into a build.
_DROPPED = ("TMPDIR", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "CONTAINER_HOST", "XDG_RUNTIME_DIR")


class Make(Struct, frozen=True, kw_only=True):
    """How to call make in `output` for `tree`.

    `log` takes all output; `jobs` is how many compilers run at a time; `lock` is the descriptor of the lock
    that make holds too, as long as it lives.
    """

    tree: Tree
    output: Path
    variables: Mapping[str, str]
    environment: Mapping[str, str]
    log: Path
    jobs: int
    offline: bool
    lock: int | None = None

    def argv(self, goals: Sequence[str], extra: Mapping[str, str] | None = None) -> list[str]:
        """The command for these goals."""
        variables = {
            "O": str(self.output),
            "BR2_JLEVEL": str(self.jobs),
            # Otherwise a checkout would write its commit, and "dirty", into the image.
            "BR2_VERSION_FULL": self.tree.version,
            **self.variables,
            **(extra or {}),
        }
        settings = [f"{name}={value}" for name, value in variables.items()]
        return ["make", "--no-print-directory", "-C", str(self.tree.path), *settings, *goals]

    def locked(self, descriptor: int) -> "Make":
        """The same, under a lock."""
        return replace(self, lock=descriptor)

    def in_folder(self, output: Path) -> "Make":
        """The same, with another output folder."""
        return replace(self, output=output)

    def env(self) -> dict[str, str]:
        """The whole environment of a build."""
        passed_on = {name: value for name, value in run.environment().items() if name not in _DROPPED}
        return {
            **passed_on,
            "PATH": _path(os.environ.get("PATH", "")),
            "SOURCE_DATE_EPOCH": self.tree.epoch,
            "FORCE_UNSAFE_CONFIGURE": "1",  # some configure scripts refuse root, the usual user of a container
            **self.environment,
        }

    def write_script(self) -> Path:
        """A script beside the output folder that calls make for it in the same way, for people: `SCRIPT GOAL`."""
        passed_on = [f"{name}={value}" for name, value in sorted(self.env().items())]
        path = self.output.parent / f"make-{self.output.name}"
        command = run.shown(["env", "-i", *passed_on, *self.argv(())])
        disk.write_atomically(path, f'#!/bin/sh\nexec {command} "$@"\n'.encode(), 0o755)
        return path

    def run(
        self,
        goals: Sequence[str],
        title: str,
        progress: Progress,
        *,
        waiting: Iterable[Step] = (),
        costs: Costs | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Watcher:
        """Make these goals, telling steps; `waiting` are the ones still to be done, at these costs.

        Raises an ImageError that names package and step if it fails.
        """
        argv = self.argv(goals, extra)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        waiting = list(waiting)
        with progress.task(title, unit="work" if waiting else "steps") as task:
            watcher = Watcher(task, waiting, costs)
            inherit = () if self.lock is None else (self.lock,)
            code = run.follow(argv, watcher.line, env=self.env(), log=self.log, inherit=inherit, tick=watcher.tick)
            if code == 0:
                watcher.finish()
        if code:
            attempt = failure.Attempt(self.write_script(), self.log, self.offline)
            raise failure.explain(list(watcher.lines), attempt)
        return watcher


def _path(given: str) -> str:
    """The system's own folders first; a caller's only after them, and none that Buildroot refuses."""
    extra = [one for one in given.split(":") if one.startswith("/") and not any(blank in one for blank in " \t\n")]
    return ":".join(dict.fromkeys([*_SYSTEM_PATH, *filter(_is_folder, extra)]))


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # a PATH inherited from another user may lead where we may not look
        return False

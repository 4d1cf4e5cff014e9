"""Who starts an image without an engine: root (if the tests are) or an ordinary user, in a process of its own."""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from tests.hosttree import host_tree

HERE = Platform.of_this_machine()
NOBODY = 65534
SCRIPT = """
import pickle, sys
from pathlib import Path
from fromscratch.errors import ImageError
from fromscratch.host.container.preparation import Invocation
from fromscratch.host.container.private_root import run_in_private_root
from fromscratch.host.container.runtime import installed, run_in_runtime
folder = Path(sys.argv[1])
tree, config, argv, platform = pickle.loads((folder / "call").read_bytes())
if sys.argv[2]:
    from functools import partial
    run_in_private_root = partial(run_in_runtime, installed([sys.argv[2]])[0])
try:
    sys.exit(run_in_private_root(
        Invocation(tree=tree, config=config, argv=argv, workdir=folder / "work", platform=platform)
    ))
except ImageError as error:
    sys.exit(f"{type(error).__name__}: {error.message} | {error.hint}")
"""

ASKING = """
import os, pickle, re, sys, time
from pathlib import Path
from fromscratch.errors import ImageError
from fromscratch.host.container.preparation import Invocation
from fromscratch.host.container.running import running
folder = Path(sys.argv[1])
tree, config, argv, platform = pickle.loads((folder / "call").read_bytes())
invocation = Invocation(tree=tree, config=config, argv=argv, workdir=folder / "work", platform=platform)
"""


@dataclass
class Caller:
    """Who runs the image: `prefix` makes a command theirs; `folder` is theirs to write; `runtime` may be named."""

    name: str
    folder: Path
    package: Path
    prefix: tuple[str, ...] = ()
    runtime: str = ""

    def call(
        self, tree: Rootfs, argv: Sequence[str] | None, config: RunConfig, platform: Platform
    ) -> tuple[list[str], dict[str, str]]:
        config = replace(config, env=dict(config.env), labels={})  # what can be pickled
        (self.folder / "call").write_bytes(pickle.dumps((tree, config, argv, platform)))
        return [*self._words(SCRIPT), str(self.folder), self.runtime], dict(os.environ)

    def _words(self, script: str) -> list[str]:
        script = f"import sys; sys.path[0] = {str(self.package)!r}\n{script}"
        return [*self.prefix, python(self.prefix), "-B", "-c", script]

    def run(
        self,
        tree: Rootfs,
        *argv: str,
        config: RunConfig = RunConfig(),  # noqa: B008 - frozen
        platform: Platform = HERE,
        stdin: bytes = b"",
    ) -> subprocess.CompletedProcess[str]:
        words, env = self.call(tree, argv or None, config, platform)
        done = subprocess.run(words, env=env, input=stdin, capture_output=True, check=False, timeout=60)
        return subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())

    def words(self, script: str) -> list[str]:
        """The command for a script of `ask`, after a `call`."""
        return [*self._words(ASKING + script), str(self.folder)]

    def ask(
        self,
        tree: Rootfs,
        script: str,
        *argv: str,
        config: RunConfig = RunConfig(),  # noqa: B008 - frozen
        platform: Platform = HERE,
    ) -> list[str]:
        """The lines that a Python script prints, which has an `invocation` and what runs one."""
        self.call(tree, argv or None, config, platform)
        done = subprocess.run(self.words(script), capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def python(self) -> str:
        return python(self.prefix)

    def left(self) -> list[str]:
        return sorted(os.listdir(self.folder / "work"))


@cache
def python(prefix: tuple[str, ...]) -> str:
    """An interpreter of our version that this user may run; the one of the tests may lie in root's home."""
    version = tuple(sys.version_info[:2])
    for python in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        asks = f"import sys; sys.exit(sys.version_info[:2] != {version})"
        probe = [*prefix, "/bin/sh", "-c", f'exec "$0" -c "{asks}"', python]
        if subprocess.run(probe, check=False, capture_output=True).returncode == 0:
            return python
    pytest.skip(f"an ordinary user has no Python {version[0]}.{version[1]} here")


SHELL = host_tree("sh", "cat", "id", "ls", "sleep", "touch", "hostname", "mkdir", "chmod")

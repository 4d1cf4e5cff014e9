"""A copy of a project, the programs that build it, and the `fromscratch` that they find."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engines import need

CHECKOUT = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[2]))
EXAMPLES = CHECKOUT / "examples"
PROGRAM = Path(sys.executable).with_name("fromscratch")


@dataclass(frozen=True)
class Answer:
    """`said` is what went to standard output and to standard error, as a terminal shows them."""

    code: int
    said: str


@dataclass(frozen=True)
class Workshop:
    """A project's folder. No container engine is seen but one that `variables` name."""

    folder: Path
    store: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
        nowhere = {"DOCKER_HOST": f"unix://{self.store}/no.socket", "CONTAINERS_CONF": str(self.store / "no.conf")}
        own = {"PATH": path, "FROMSCRATCH_STORE": str(self.store), "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        return {**own, **nowhere, **self.variables}

    def call(self, *words: str, below: str = ".") -> Answer:
        """Run a program in the project's folder or in one below it."""
        made = subprocess.run(
            words,
            cwd=self.folder / below,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        return Answer(made.returncode, made.stdout)

    def make(self, *words: str, below: str = ".") -> str:
        """What a call said that must succeed."""
        made = self.call(*words, below=below)
        assert made.code == 0, f"{words}: {made.said}"
        return made.said

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def files(self, image: str, below: str = ".") -> list[str]:
        """The paths of all regular files and symlinks in an image."""
        rows = json.loads(self.make("fromscratch", "ls", image, "--json", below=below))
        return [row["path"] for row in rows if row["type"] in ("file", "symlink")]

    def run(self, image: str, below: str = ".") -> str:
        """What a container of the image says, in a private root: no engine is needed."""
        return self.make("fromscratch", "run", image, "--engine", "none", below=below)


def workshop(folder: Path, example: str = "", **variables: str) -> Workshop:
    """A copy of one of the examples, or an empty folder."""
    made = Workshop(folder / "project", folder / "store", variables)
    made.store.mkdir(parents=True)
    (made.store / "no.conf").write_text("no configuration of podman\n")
    if example:
        shutil.copytree(EXAMPLES / example, made.folder)
    else:
        made.folder.mkdir()
    return made


def need_all(*programs: str) -> None:
    for program in programs:
        need(program)


def index(layout: Path) -> dict[str, Any]:
    """The first manifest of an OCI layout: the digests of its configuration and layers."""
    listed = json.loads((layout / "index.json").read_text())["manifests"][0]
    blob = layout / "blobs" / listed["digest"].replace(":", "/")
    found: dict[str, Any] = json.loads(blob.read_text())
    return found

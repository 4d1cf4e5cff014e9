"""Calls of the command as a user makes them: in a folder, by a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


class Process(subprocess.Popen[str]):
    """A command that runs. A test that fails does not wait for its end."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)


@dataclass(frozen=True)
class Desk:
    """A folder with a store beside it."""

    folder: Path
    store: Path
    variables: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environment(self) -> dict[str, str]:
        left = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        return {**left, "FROMSCRATCH_STORE": str(self.store), **self.variables}

    def process(self, *words: str, program: tuple[str, ...] = (sys.executable, "-m", "fromscratch")) -> Process:
        return Process(
            [*program, *words],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *words: str, program: tuple[str, ...] = (sys.executable, "-m", "fromscratch")) -> Answer:
        with self.process(*words, program=program) as process:
            out, err = process.communicate(timeout=120)
        return Answer(process.returncode, out, err)

    def answer(self, *words: str) -> str:
        """The output of a call that must succeed."""
        made = self.call(*words)
        assert made.code == 0, f"{words}: {made.err}"
        return made.out


def invoke_in_checkout() -> tuple[str, ...]:
    """What runs the tasks of the checkout, which FROMSCRATCH_CHECKOUT names where these tests are a copy."""
    checkout = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[2]))
    if not (checkout / "tasks.py").exists():
        pytest.skip("not in a checkout: there is no tasks.py")
    return (sys.executable, "-m", "invoke", "--search-root", str(checkout))

"""Images unpacked beside each other, that run with a loopback device and nothing else of this machine.

They start in milliseconds where an engine takes half a second, and a file can be hidden from one of them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fromscratch.paths import TreePath
from tests.engines import need, need_root

_CHILD = Path(__file__).with_name("room_child.py")
_USER = 65532
NAME = "files.example"  # of the server that some examples are, and others ask


@dataclass(frozen=True)
class Step:
    """Words behind an image's entry point, or behind this one. It ends with `code`, and says `says` on some stream.

    One that may do so only after a while is started again for `patience` seconds.
    """

    words: Sequence[str]
    says: str = ""
    code: int = 0
    stdin: str = ""
    entrypoint: str | None = None
    patience: float = 0
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """The unpacked root of an image."""

    root: Path

    @classmethod
    def of(cls, tar: Path, folder: Path) -> "Room":
        """Unpacked by the tar of this machine."""
        folder.mkdir(mode=0o755)
        subprocess.run([need("tar"), "-xpf", tar, "-C", folder], check=True)
        for name in ("proc", "dev", "tmp", "etc"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "etc/hosts").write_text(f"127.0.0.1 localhost {NAME}\n")
        return cls(folder)

    @contextmanager
    def without(self, path: TreePath) -> Iterator[None]:
        """As if the image did not have this file."""
        place = self.root / path.lstrip("/")
        aside = self.root.with_name(f"{self.root.name}.aside")
        place.rename(aside)
        try:
            yield
        finally:
            aside.rename(place)


def faults(*steps: tuple[Room, Step]) -> list[str]:
    """What is not as it should be when these run one after another; the first fault ends it, none is an empty list."""
    need_root("starting images beside each other")
    spec = {
        "roots": [str(each) for each in dict.fromkeys(room.root for room, _ in steps)],
        "uid": _USER,
        "steps": [
            {
                "root": str(room.root),
                "argv": list(step.words),
                "env": dict(step.env),
                "stdin": step.stdin,
                "code": step.code,
                "says": step.says,
                "patience": step.patience,
            }
            for room, step in steps
        ],
    }
    argv = [need("unshare"), "--mount", "--net", "--pid", "--fork", "--kill-child"]
    argv += [sys.executable, "-I", "-S", str(_CHILD)]
    made = subprocess.run(argv, input=json.dumps(spec), capture_output=True, text=True, check=True, timeout=120)
    for (_, step), result in zip(steps, json.loads(made.stdout), strict=False):
        fault = wrong(step, result["code"], result["said"])
        if fault:
            return [fault]
    return []


def wrong(step: Step, code: int, said: str) -> str:
    """What is wrong with the end of a step; empty if nothing is."""
    if code == step.code and step.says in said:
        return ""
    return f"{' '.join(step.words)[:200]}: exit code {code}, said {said!r}"

"""What the real loader says of a program: the oracle for the loader model. Tests run it; the product never does."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LoaderOutput:
    """`paths` are those of the objects, as the loader opened them; `missing` are names that it did not find."""

    paths: frozenset[str]
    missing: frozenset[str]
    errors: str = ""


def run_loader(
    program: str, interpreter: str, *, runner: Sequence[str] = (), env: dict[str, str] | None = None
) -> LoaderOutput:
    """The answer of `interpreter --list` about a program, started by `runner` (chroot, qemu) if that is given."""
    done = subprocess.run(
        [*runner, interpreter, "--list", program],
        capture_output=True,
        check=False,
        env=env or {},
        timeout=60,
        errors="surrogateescape",
        text=True,
    )
    paths, missing = set(), set()
    for line in done.stdout.splitlines():
        if " => " in line:
            name, _, rest = line.strip().partition(" => ")
            if rest == "not found":
                missing.add(name)
            else:
                paths.add(rest.rpartition(" (")[0])
        elif found := re.fullmatch(r"\s+(/.*) \(0x[0-9a-f]+\)", line):
            paths.add(found[1])
    return LoaderOutput(frozenset(paths), frozenset(missing), done.stderr)


def is_elf(path: Path) -> bool:
    """By its first four bytes."""
    try:
        with open(path, "rb") as stream:
            return stream.read(4) == b"\x7fELF"
    except OSError:
        return False

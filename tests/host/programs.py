"""Programs of engines as they are called in tests of layers."""

import os
import subprocess
from pathlib import Path

from fromscratch.host.engines.contract import Engine


def output_of(*argv: str | Path, of: Engine | None = None) -> str:
    """What a program says that must succeed; of an engine, in the environment that it wants."""
    env = {**os.environ, **(of.env if of else {})}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout.strip()

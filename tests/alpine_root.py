"""An archive of a real root of Alpine, for tests of what reads it and of what it runs."""

import os
import platform
from pathlib import Path

import pytest

MINIROOTFS = "FROMSCRATCH_MINIROOTFS"


def minirootfs() -> Path:
    """The archive that the environment names; the test is skipped without one."""
    path = Path(os.environ.get(MINIROOTFS, "/nonexistent"))
    if not path.is_file():
        pytest.skip(f"{MINIROOTFS} names no alpine-minirootfs-*.tar.gz for {platform.machine()}")
    return path

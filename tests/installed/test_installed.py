"""Our trees of servers beside what apt makes of the same packages: nothing differs that is not explained."""

import os
import shutil
from pathlib import Path

import pytest

from benchmarks.installed import compared, sources
from fromscratch import Store
from fromscratch.host.machine import apt
from tests.installed.control import made_base

SUITE = "trixie"


def mirror() -> str:
    """The mirror of Debian that this machine's apt has."""
    found = [one.uri for one in apt.mirrors() if one.uri.rstrip("/").endswith("/debian")]
    if os.geteuid() or not shutil.which("mmdebstrap") or not found:
        pytest.skip("it needs root, mmdebstrap and a mirror in apt's sources")
    return found[0].rstrip("/").removesuffix("/debian")


@pytest.mark.slow
def test_nothing_differs_that_is_not_explained(tmp_path: Path) -> None:
    base = made_base(tmp_path / "control", SUITE, sources(SUITE, mirror()))
    for packages in (["redis-server"], ["nginx"]):
        (tmp_path / packages[0]).mkdir()
        found = compared(packages, SUITE, base, Store(tmp_path / "store"), tmp_path / packages[0])
        assert [str(one) for one in found if one.verdict == "unexplained"] == []

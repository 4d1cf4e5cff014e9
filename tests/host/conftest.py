"""Fixtures for images that are started without an engine."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import fromscratch
from tests.host.container.callers import NOBODY, Caller


@pytest.fixture(scope="module")
def package() -> Iterator[Path]:
    """A copy of the package, and of what its records are made with, where an ordinary user can read it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for source in (Path(fromscratch.__file__).parent, Path(msgspec.__file__).parent):
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["root", "an ordinary user"])
def caller(request: pytest.FixtureRequest, package: Path) -> Iterator[Caller]:
    am_root = os.geteuid() == 0
    if request.param == "root" and not am_root:
        pytest.skip("these tests do not run as root")
    folder = Path(tempfile.mkdtemp())  # not in tmp_path, whose parents only root may enter
    (folder / "work").mkdir()
    prefix: tuple[str, ...] = ()
    if request.param != "root" and am_root:
        folder.chmod(0o755)
        os.chown(folder / "work", NOBODY, NOBODY)
        prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    if request.param != "root" and subprocess.run([*prefix, "unshare", "-Ur", "true"], check=False).returncode:
        pytest.skip("the kernel does not let an ordinary user make namespaces")
    try:
        yield Caller(request.param, folder, package, prefix)
        assert os.listdir(folder / "work") == []
    finally:
        shutil.rmtree(folder)

"""Builds in the root of a container image, made here of Debian's packages and the Portage of this environment."""

import json
import shutil
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fromscratch.host.container.sandbox import hindrance
from fromscratch.host.machine import apt
from fromscratch.model.image import Platform
from tests.cli.in_process import called
from tests.sources.portage.repository import TinyRepository, tiny_repository, with_programs

pytestmark = pytest.mark.slow

SUITE = next((suite for source in apt.mirrors() for suite in source.suites if "-" not in suite), "")
PACKAGES = [
    "gcc",
    "libc6-dev",
    "make",
    "python3",
    "bash",
    "dash",
    "tar",
    "patch",
    "pax-utils",
    "coreutils",
    "findutils",
    "grep",
    "sed",
    "gawk",
    "diffutils",
    "file",
    "xz-utils",
    "bzip2",
    "gzip",
    "zstd",
    "util-linux",
    "hostname",
    "libc-bin",
]


def recipe(*items: dict[str, Any], cmd: str) -> str:
    return json.dumps({"name": "it", "compression": "none", "rootfs": items, "image": {"cmd": [cmd]}})


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout with an image that has a compiler and Portage."""
    folder = tmp_path_factory.mktemp("container")
    if why := hindrance(folder):
        pytest.skip(why)
    if find_spec("portage") is None or Platform.of_this_machine().architecture != "amd64" or not SUITE:
        pytest.skip("it is made of Debian's packages for amd64, and of the Portage of this environment")
    modules, prefix = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("data"))
    for source, place in (
        (modules / "portage", "usr/lib/python3/dist-packages/portage"),
        (modules / "_emerge", "usr/lib/python3/dist-packages/_emerge"),
        (prefix / "lib/portage", "usr/lib/portage"),
        (prefix / "share/portage", "usr/share/portage"),
    ):
        shutil.copytree(source, folder / "portage" / place, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    items: list[dict[str, Any]] = [{"debian": {"suite": SUITE, "packages": PACKAGES}}, {"directory": "portage"}]
    (folder / "fromscratch.yaml").write_text(recipe(*items, cmd="/bin/bash"))
    answer = called(folder, "fetch", "build")
    assert answer.code == 0, answer.err
    return folder / "build/it/oci"


@pytest.fixture
def tiny(tmp_path: Path) -> TinyRepository:
    return with_programs(tiny_repository(tmp_path / "repository"))


def desk(folder: Path, tiny: TinyRepository, container: object) -> Path:
    item = {
        "packages": "app-misc/hello",
        "repositories": [str(tiny.folder)],
        "mirrors": [str(tiny.distfiles)],
        "container": f"oci:{container}",
    }
    folder.mkdir()
    (folder / "fromscratch.yaml").write_text(recipe({"portage": item}, cmd="/usr/bin/hello"))
    return folder


def test_an_image_builds_what_runs_with_its_own_c_library(
    tmp_path: Path, tiny: TinyRepository, container: Path
) -> None:
    here = desk(tmp_path / "desk", tiny, container)
    answer = called(here, "fetch", "build", "--exec", "/usr/bin/hello", "--expect", "hello from a library.")
    assert answer.code == 0, answer.err
    assert f"of the container oci:{container}: ld-linux-x86-64.so.2, libc.so.6" in answer.err
    assert "d 0755 12:34 /var/lib/hello" in called(here, "ls").out
    evidence = json.loads((here / "build/it/evidence.json").read_text())
    pinned = {pin["kind"] for source in evidence["images"][0]["sources"] for pin in source["pins"]}
    assert pinned == {"repository", "package", "distfile", "image"}


def test_an_image_without_what_builds_need_says_what_it_lacks(tmp_path: Path, tiny: TinyRepository) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/file").write_text("alone")
    (tmp_path / "fromscratch.yaml").write_text(f'{recipe({"directory": "root"}, cmd="/file")[:-1]}, "check": "off"}}')
    assert called(tmp_path, "build").code == 0
    answer = called(desk(tmp_path / "desk", tiny, tmp_path / "build/it/oci"), "fetch")
    assert answer.code == 1
    assert "lacks python3, bash, gcc, make, tar, patch, zstd, scanelf" in answer.err

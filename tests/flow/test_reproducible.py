"""The shipped recipes are the same twice: packages of Debian, and programs of this machine."""

from pathlib import Path

import pytest

from fromscratch.host.machine import apt as apt_config
from tests.cli.command import Desk
from tests.engines import missing

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk", tmp_path / "store")


def test_debian_packages_for_two_platforms_in_layers(desk: Desk) -> None:
    if not apt_config.mirrors():
        missing("this machine has no apt sources to take a mirror from")
    desk.write(
        "fromscratch.yaml",
        "name: demo\nlayers: package\nplatforms: [linux/amd64, linux/arm64]\n"
        "rootfs: [{debian: {suite: bookworm, packages: [busybox]}}]\n",
    )
    said = desk.answer("fetch", "build", "--check").splitlines()
    assert [line.split()[1] for line in said if line.startswith("demo ")] == ["linux/amd64:", "linux/arm64:"]
    assert said[-1].startswith("the same twice: ")
    assert "\nthe same twice: " in desk.answer("fetch", "build", "--check", "--recipe", "busybox")


@pytest.mark.parametrize(
    ("name", "program"), [("git", "/usr/bin/git"), ("nginx", "/usr/sbin/nginx"), ("python", "/usr/bin/python3")]
)
def test_programs_of_this_machine(name: str, program: str, desk: Desk) -> None:
    if not Path(program).exists():
        missing(f"{program} is not on this machine")
    assert "\nthe same twice: " in desk.answer("build", "--check", "--recipe", name)

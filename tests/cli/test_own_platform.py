"""A recipe that names no platform is built for the one that its defconfig is for."""

from pathlib import Path

import pytest

from tests.cli.command import Desk

TINY = Path(__file__).parent.parent / "sources/buildroot/tiny"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "board_defconfig").write_text("BR2_aarch64=y\n")
    desk = Desk(folder, tmp_path / "store")
    desk.write(
        "fromscratch.yaml",
        f"name: board\nrootfs:\n  - buildroot: {{tree: {TINY}, config: board_defconfig}}\ncheck: off\n",
    )
    return desk


def test_the_platform_is_that_of_the_defconfig(desk: Desk) -> None:
    made = desk.call("fetch", "build")
    assert made.code == 0, made.err
    assert "board linux/arm64:" in made.err + made.out


def test_another_one_that_the_call_names_is_refused_with_both(desk: Desk) -> None:
    made = desk.call("fetch", "--platform", "linux/amd64")
    assert made.code == 2
    assert "board_defconfig: BR2_aarch64=y builds for linux/arm64, but the image is to be for linux/amd64" in made.err

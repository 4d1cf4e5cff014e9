"""A `container` target of Meson."""

from pathlib import Path

import pytest

from fromscratch.host.machine.package_data import shipped
from tests.integrations.workshop import EXAMPLES, index, need_all, workshop

pytestmark = pytest.mark.slow

EXAMPLE = "hello-meson"


@pytest.fixture(autouse=True)
def _programs() -> None:
    need_all("meson", "ninja", "gcc")


def test_the_file_to_copy_is_that_of_the_example() -> None:
    ours = shipped("integrations") / "meson/container.sh"
    assert (EXAMPLES / EXAMPLE / "container.sh").read_bytes() == ours.read_bytes()


def test_the_target_installs_strips_and_packs(tmp_path: Path) -> None:
    shop = workshop(tmp_path, EXAMPLE)
    shop.make("meson", "setup", "build")
    for _ in range(2):
        shop.make("meson", "compile", "-C", "build", "container")
    assert shop.files("oci:build/hello") == ["/etc/group", "/etc/passwd", "/usr/local/bin/hellomeson"]
    assert shop.run("oci:build/hello") == "Hello container!\n"


def test_two_folders_give_the_same_ids(tmp_path: Path) -> None:
    ids = []
    for folder in ("one", "another/deeper"):
        shop = workshop(tmp_path / folder, EXAMPLE)
        shop.make("meson", "setup", "build", "-Ddebug=true")
        shop.make("ninja", "-C", "build", "container")
        ids.append(index(shop.folder / "build/hello"))
    assert ids[0] == ids[1]


def test_what_is_in_the_way_is_not_removed(tmp_path: Path) -> None:
    shop = workshop(tmp_path, EXAMPLE)
    shop.make("meson", "setup", "build")
    shop.write("build/hello/mine.txt", "mine\n")
    answer = shop.call("meson", "compile", "-C", "build", "container")
    assert answer.code != 0
    assert "hello is there already, and is not an image" in answer.said
    assert (shop.folder / "build/hello/mine.txt").exists()

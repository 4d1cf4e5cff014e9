"""A `container` target of Meson."""

import json
import shutil
from pathlib import Path

import pytest

from fromscratch.host.machine.package_data import shipped
from tests.engines import missing
from tests.integrations.workshop import EXAMPLES, Workshop, index, need_all, workshop

pytestmark = pytest.mark.slow

EXAMPLE = "hello-meson"


@pytest.fixture(autouse=True)
def _programs() -> None:
    need_all("meson", "ninja", "gcc")


OURS = shipped("integrations") / "meson"


@pytest.mark.parametrize("name", ["container.sh", "meson.build"])
def test_the_files_to_copy_are_those_of_the_example(name: str) -> None:
    assert (EXAMPLES / EXAMPLE / "container" / name).read_bytes() == (OURS / name).read_bytes()


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


LIBRARY = """
project('Two Parts', 'c', version: '2', default_options: ['strip=true'])
part = shared_library('part', 'part.c', install: true)
executable('two', 'main.c', link_with: part, install: true)
"""


def parts(shop: Workshop, more: str) -> Workshop:
    """A program with a library of its own, which says nothing of images but for `more`."""
    shop.write("meson.build", LIBRARY + more)
    shop.write("part.c", "int part(void) { return 42; }\n")
    text = '#include <stdio.h>\nint part(void);\nint main(void) { return printf("%d\\n", part()) < 0; }\n'
    shop.write("main.c", text)
    return shop


def test_two_lines_make_a_target_that_builds_what_is_installed(tmp_path: Path) -> None:
    shop = parts(workshop(tmp_path), "container_flags = ['--user', '7']\nsubdir('container')\n")
    shutil.copytree(OURS, shop.folder / "container")
    shop.make("meson", "setup", "build")
    shop.make("ninja", "-C", "build", "container")
    assert shop.run("oci:build/two-parts") == "42\n"
    shop.write("part.c", "int part(void) { return 43; }\n")
    shop.make("meson", "compile", "-C", "build", "container")
    assert shop.run("oci:build/two-parts") == "43\n"
    assert "USER 7" in (shop.folder / "build/container.build/Dockerfile").read_text()


def test_a_project_without_the_target_is_packed_by_the_script(tmp_path: Path) -> None:
    shop = parts(workshop(tmp_path / "with a space"), "")
    script = f"{OURS}/container.sh"
    answer = shop.call("sh", script, "--build", "build")
    assert answer.code == 1
    assert "build is not a build folder of Meson" in answer.said
    shop.make("meson", "setup", "build")
    shop.make("sh", script, "--build", "build", "--name", "two", "--label", "a=b")
    # The program is called so.
    assert shop.run("oci:build/two.oci") == "42\n"


def test_without_fromscratch_the_target_says_how_to_install_it(tmp_path: Path) -> None:
    if found := [path for path in ("/usr/local/bin", "/usr/bin", "/bin") if Path(path, "fromscratch").exists()]:
        missing(f"fromscratch is in {found[0]}")
    shop = workshop(tmp_path, EXAMPLE, PATH="/usr/bin:/bin")
    shop.make("meson", "setup", "build")
    shop.make("meson", "compile", "-C", "build")
    answer = shop.call("meson", "compile", "-C", "build", "container")
    assert answer.code != 0
    assert "error: there is no program fromscratch, so no image of hello can be made" in answer.said
    assert "hint: install it" in answer.said


CROSS = """
[binaries]
c = 'TRIPLET-gcc'
strip = 'TRIPLET-strip'
[host_machine]
system = 'linux'
cpu_family = 'FAMILY'
cpu = 'FAMILY'
endian = 'little'
"""
MACHINES = {"aarch64-linux-gnu": "aarch64", "arm-linux-gnueabihf": "arm"}


def test_images_of_cross_files_become_one_index(tmp_path: Path) -> None:
    shop = parts(workshop(tmp_path), "subdir('container')\n")
    shutil.copytree(OURS, shop.folder / "container")
    need_all(*(f"{triplet}-gcc" for triplet in MACHINES))
    for triplet, family in MACHINES.items():
        shop.write(f"{family}.ini", CROSS.replace("TRIPLET", triplet).replace("FAMILY", family))
        shop.make("meson", "setup", family, "--cross-file", f"{family}.ini")
        shop.make("meson", "compile", "-C", family, "container")
    layouts = [f"--image=oci:{family}/two-parts" for family in MACHINES.values()]
    shop.make("fromscratch", "pack", *layouts, "--to", "oci", "--output", "both", "--tag", "2")
    listed = json.loads((shop.folder / "both/index.json").read_text())["manifests"]
    blob = shop.folder / "both/blobs" / listed[0]["digest"].replace(":", "/")
    platforms = [each["platform"]["architecture"] for each in json.loads(blob.read_text())["manifests"]]
    assert sorted(platforms) == ["arm", "arm64"]
    answer = shop.call("fromscratch", "pack", *layouts, layouts[0], "--to", "oci", "--output", "twice")
    assert answer.code == 2
    assert "two of these images are for linux/arm64" in answer.said

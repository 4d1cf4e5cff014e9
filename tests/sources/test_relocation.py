"""Programs that are put elsewhere: their libraries come along, and no folder of the build machine is made."""

from functools import partial
from pathlib import Path

import pytest

from fromscratch.host.images.layers import root_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from tests.cli.in_process import called
from tests.formats.elf.made import elf
from tests.sysroots import LOADER, library, program, sysroot, written

user = partial(elf, interpreter=LOADER, needed=["libfoo.so.1", "libc.so.6"])


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a sysroot, and a build tree in which programs find their libraries in three ways."""
    folder = tmp_path / "desk"
    folder.mkdir()
    sysroot(folder / "root", {"/usr/bin/true": program()})
    written(
        folder / "build",
        {
            "/bin/origin": user(runpath="$ORIGIN/../lib"),
            "/bin/braces": user(runpath="/nowhere:${ORIGIN}/../lib"),
            "/bin/rpath": user(rpath="$ORIGIN/../lib"),
            "/bin/absolute": user(runpath=f"{folder}/build/lib"),
            "/bin/plain": user(),
            "/lib/libfoo.so.1": "-> libfoo.so.1.2",
            "/lib/libfoo.so.1.2": library("libfoo.so.1", "libbar.so", runpath="$ORIGIN"),
            "/lib/libbar.so": library("libbar.so", "libc.so.6"),
            "/lib/libunused.so": library("libunused.so", "libc.so.6"),
        },
    )
    return folder


def libraries(desk: Path, *words: str, code: int = 0) -> list[str]:
    """What an image has of the build tree's libraries."""
    answer = called(desk, "bundle", "--root", "root", "--output", "made", *words)
    assert answer.code == code, answer.err
    [made] = read_layout(desk / "made/oci")
    tree = root_tree(made, Store(desk.parent / "store"))
    assert not any(str(path).startswith(str(desk)) for path in tree)
    return [path for path in tree if "libfoo" in path or "libbar" in path or "libunused" in path]


@pytest.mark.parametrize("name", ["origin", "braces", "rpath"])
def test_libraries_by_origin_come_along_in_the_same_relation(desk: Path, name: str) -> None:
    assert libraries(desk, f"build/bin/{name}:/app/bin/{name}") == [
        "/app/lib/libbar.so",
        "/app/lib/libfoo.so.1",
        "/app/lib/libfoo.so.1.2",
    ]


def test_where_the_image_has_a_symlink_they_stand_behind_it(desk: Path) -> None:
    (desk / "root/opt").mkdir()
    (desk / "root/opt/lib").symlink_to("../srv/lib")
    (desk / "root/srv/lib").mkdir(parents=True)
    assert libraries(desk, "build/bin/origin:/opt/bin/origin") == [
        "/srv/lib/libbar.so",
        "/srv/lib/libfoo.so.1",
        "/srv/lib/libfoo.so.1.2",
    ]


def test_libraries_in_a_folder_of_the_build_machine_come_to_a_folder_of_the_loader(desk: Path) -> None:
    assert libraries(desk, "build/bin/absolute:/app/absolute") == [
        "/usr/lib/libbar.so",
        "/usr/lib/libfoo.so.1",
        "/usr/lib/libfoo.so.1.2",
    ]


def test_a_staged_program_that_names_the_build_tree_uses_what_is_staged(desk: Path) -> None:
    written(desk / "stage", {"/usr/bin/absolute": (desk / "build/bin/absolute").read_bytes()})
    written(desk / "stage", {"/usr/lib/libfoo.so.1": library("libfoo.so.1", "libc.so.6")})
    assert libraries(desk, "--stage", "stage") == ["/usr/lib/libfoo.so.1"]


def test_a_folder_to_search_may_lie_elsewhere_in_the_image(desk: Path) -> None:
    assert libraries(desk, "build/bin/plain:/app/plain", "--search", "build/lib:/app/lib") == [
        "/app/lib/libbar.so",
        "/app/lib/libfoo.so.1",
        "/app/lib/libfoo.so.1.2",
    ]
    [made] = read_layout(desk / "made/oci")
    assert made.config.env["LD_LIBRARY_PATH"] == "/app/lib"


def test_a_folder_to_search_that_is_not_there_is_an_error(desk: Path) -> None:
    answer = called(desk, "bundle", "--root", "root", "build/bin/plain:/app/plain", "--search", "build/lb:/app/lib")
    assert answer.code
    assert f"there is no {desk}/build/lb" in answer.err


def test_a_staged_tree_is_judged_from_its_programs(desk: Path) -> None:
    """A plugin without a RUNPATH gets what the program that loads it has loaded already."""
    tree = {
        "/bin/origin": (desk / "build/bin/origin").read_bytes(),
        "/lib/libfoo.so.1": library("libfoo.so.1", "libc.so.6"),
        "/lib/plugins/a.so": library("a.so", "libfoo.so.1"),
    }
    written(desk / "stage", {f"/opt/app{path}": each for path, each in tree.items()})
    assert libraries(desk, "--stage", "stage") == ["/opt/app/lib/libfoo.so.1"]
    (desk / "stage/opt/app/bin/origin").unlink()
    answer = called(desk, "bundle", "--root", "root", "--stage", "stage", "--output", "made")
    assert "libfoo.so.1, needed by /opt/app/lib/plugins/a.so" in answer.err

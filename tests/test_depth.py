"""Depth that strangers choose: trees of thousands of folders, chains of thousands of reasons. Nothing recurses."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fromscratch.flow import evidence
from fromscratch.host.container.materialise import materialise
from fromscratch.host.storage import disk, staged_folder
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, Meta, Origin
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.stacked import Beneath
from fromscratch.paths import ROOT, TreePath
from fromscratch.sources.debian.planning.plan import Plan, PlannedPackage

DEPTH = 5 * sys.getrecursionlimit()
FOLDERS = 1500  # within PATH_MAX, and beyond the recursion limit
BEYOND_PATH_MAX = 2100


def deep(levels: int = FOLDERS) -> Rootfs:
    return Rootfs({TreePath("/a" * level or "/"): Directory(Meta(0o755)) for level in range(levels + 1)})


def chain(length: int) -> Origin:
    origin = Origin("x", "asked for", "lib0.so")
    for number in range(length):
        origin = Origin("x", "needed by", f"lib{number}.so", origin)
    return origin


def deep_folder(top: Path, levels: int) -> None:
    """One whose path is longer than the kernel takes."""
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("a", dir_fd=here)
        with open(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here), "w", encoding="ascii"):
            pass
        inner = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that is empty again afterwards, however deep: pytest's own are cleared by a removal that recurses."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_folders_are_removed_however_deep(room: Path) -> None:
    deep_folder(room / "top", BEYOND_PATH_MAX)
    disk.remove(room / "top")
    assert list(room.iterdir()) == []


def test_removal_follows_no_symlink_and_takes_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    top = tmp_path / "top"
    (top / "in" / "closed").mkdir(parents=True)
    (top / "in" / "closed" / "file").write_text("x")
    (top / "in" / "link").symlink_to(tmp_path / "kept")
    os.mkfifo(top / "in" / "pipe")
    (top / "in" / "closed").chmod(0)
    disk.remove(top)
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]


def test_what_a_killed_run_left_is_swept_by_the_next(room: Path) -> None:
    place = room / "root"
    deep_folder(room / ".root.new-0123456789abcdef", BEYOND_PATH_MAX)
    with staged_folder.staged(place) as fresh:
        materialise(deep(), fresh)
    assert list(room.iterdir()) == []


def test_what_cannot_be_swept_is_no_failure_of_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".root.new-0123456789abcdef" / "in").mkdir(parents=True)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "rmdir", refused)
    with staged_folder.staged(tmp_path / "root") as fresh:
        assert fresh.is_dir()


def test_walks_go_however_deep(room: Path) -> None:
    materialise(deep(), room)
    assert sum(1 for _ in disk.walk(room)) == FOLDERS + 1


def test_views_look_however_deep() -> None:
    tree = deep()
    last = TreePath("/a" * FOLDERS)
    assert Beneath(tree, Rootfs({ROOT: Directory(Meta(0o755))})).get(last) == tree[last]
    assert list(views.glob(tree, "/?" * FOLDERS)) == [last]


def test_chains_of_reasons_are_equal_hashed_and_shown_however_long() -> None:
    one, other = chain(DEPTH), chain(DEPTH)
    assert one == other
    assert len({one, other, chain(DEPTH - 1)}) == 2
    assert one != chain(DEPTH - 1)
    assert repr(one).count("needed by") == DEPTH


def test_chains_of_reasons_are_written_and_read_however_long() -> None:
    origin = chain(DEPTH)
    path = TreePath("/a")
    reported = evidence.gather(Platform("linux", "amd64"), [], {path: Directory(Meta(0o755), (origin,))}, {})
    assert len(reported.reasons) == DEPTH + 1
    assert evidence.origins(reported, path) == (origin,)


def test_packages_need_each_other_however_long() -> None:
    packages = [
        PlannedPackage(
            name=f"p{number}",
            version="1",
            architecture="all",
            address="",
            digest="",
            size=0,
            by=f"p{number - 1}" if number else "",
        )
        for number in reversed(range(DEPTH))
    ]
    origins = Plan(archives=[], packages=packages).origins("debian", "packages", {})
    assert sum(1 for _ in origins[f"p{DEPTH - 1}"].chain()) == DEPTH + 1

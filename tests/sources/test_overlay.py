"""Folders of project files."""

import os
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from fromscratch.errors import UsageError
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.overlay import OverlayOptions, OverlaySource
from fromscratch.transforms.overlay import overlaid
from tests.sameness import archive_of
from tests.sources.contract import SourceContract, Subject
from tests.trees import listed, text, tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "overlays" / "base"
    (base / "etc").mkdir(parents=True)
    (base / "etc/motd").write_text("hello\n")
    (base / "etc/.wh.issue").touch()
    (base / "init").write_text("#!/bin/sh\n")
    (base / "init").chmod(0o700)
    (base / "sbin").symlink_to("usr/sbin")
    return base


class TestOverlayContract(SourceContract):
    @pytest.fixture
    def subject(self, folder: Path) -> Subject:
        (folder.parent / "below/etc").mkdir(parents=True)
        (folder.parent / "below/etc/issue").touch()
        return Subject(
            OverlayOptions(path="overlays/base"),
            folder=folder.parent.parent,
            change=lambda: (folder / "etc/motd").write_text("hallo\n"),
            other=OverlayOptions(path="overlays/base", modes={"/init": "0555"}),
            below="overlays/below",
        )


def source(folder: Path, path: str = "", **options: object) -> OverlaySource:
    made = msgspec.convert({"path": path or str(folder), **options}, OverlayOptions)
    return OverlaySource(made, Subject(made, folder=folder).context())


def test_files_have_the_modes_that_git_keeps_and_whiteouts_stay(folder: Path, tmp_path: Path) -> None:
    assert listed(source(folder).build(Store(tmp_path))) == text("""
        d 0755 0:0 /etc
        f 0644 0:0 0 /etc/.wh.issue
        f 0644 0:0 6 /etc/motd
        f 0755 0:0 10 /init
        l 0777 0:0 /sbin -> usr/sbin
    """)


def test_neither_umask_nor_hard_links_change_the_tree(folder: Path, tmp_path: Path) -> None:
    (folder / "etc/issue").write_text("hello\n")
    before = source(folder).build(Store(tmp_path))
    times = {path: path.lstat().st_mtime_ns for path in (folder, *folder.rglob("*"))}
    (folder / "etc/issue").unlink()
    os.link(folder / "etc/motd", folder / "etc/issue")
    times[folder / "etc/issue"] = times[folder / "etc/motd"]
    (folder / "etc").chmod(0o2700)
    (folder / "etc/motd").chmod(0o600)
    for path, time in times.items():
        os.utime(path, ns=(time, time), follow_symlinks=False)
    after = source(folder).build(Store(tmp_path))
    assert listed(after) == listed(before)


def test_modes_can_be_said_or_kept(folder: Path, tmp_path: Path) -> None:
    tree = source(folder, modes={"etc/motd": "0640"}).build(Store(tmp_path))
    assert tree["/etc/motd"].meta.mode == 0o640  # type: ignore[index]
    unchanged = source(folder, keep_modes=True, owner="1:2").build(Store(tmp_path))
    assert unchanged["/init"].meta.mode == 0o700  # type: ignore[index]
    assert {(entry.meta.uid, entry.meta.gid) for entry in unchanged.values()} == {(1, 2)}


def test_the_archive_does_not_depend_on_the_folder_it_lies_in(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    before = archive_of(source(folder).build(Store(tmp_path)))
    folder.rename(moved)
    assert archive_of(source(moved).build(Store(tmp_path))) == before


def test_a_missing_overlay_is_named_by_its_absolute_path_and_with_near_misses(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "bass").mkdir()
    missing = source(tmp_path, "overlays/bas")
    for use in (missing.fingerprint, missing.build):
        with pytest.raises(UsageError) as caught:
            use(Store(tmp_path / "store"))
        assert f"there is no {tmp_path}/overlays/bas" in caught.value.message
        assert f"{folder}" in caught.value.hint


def test_a_missing_parent_is_what_the_message_names(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="overlay overlay/base: there is no ") as caught:
        source(tmp_path, "overlay/base").build(Store(tmp_path))
    assert caught.value.hint == f"did you mean {tmp_path}/overlays?"


def test_the_mode_of_a_folder_counts_if_it_was_asked_for(folder: Path, tmp_path: Path) -> None:
    shipped = (Origin("lower", "shipped in", "base"),)

    def lower(block: str) -> Rootfs:
        return tree(block).mapped(lambda _, entry: replace(entry, origins=shipped))

    plain = lower("d 0700 0:0 /etc\nf 0644 0:0 /etc/issue ''")
    cases: list[tuple[dict[str, str], str]] = [({}, "d 0700 0:0 /etc"), ({"/etc": "1777"}, "d 1777 0:0 /etc")]
    for modes, line in cases:
        upper = source(folder, modes=modes).build(Store(tmp_path))
        assert line in listed(overlaid(plain, upper)).splitlines()
    linked = lower("d 0755 0:0 /usr/etc\nl 0777 0:0 /etc -> usr/etc\nf 0644 0:0 /usr/etc/issue ''")
    assert "d 1777 0:0 /usr/etc" in listed(overlaid(linked, upper)).splitlines()

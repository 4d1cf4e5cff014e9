"""An archive of a toolchain, as `make sdk` writes it."""

import subprocess
import threading
from pathlib import Path

import pytest

from fromscratch.errors import UsageError
from fromscratch.host.storage.store import Store
from fromscratch.sources.buildroot import in_store
from fromscratch.sources.buildroot.toolchain import sdk
from tests.progress_notes import Notes

RELOCATE = '#!/bin/sh\necho relocated to "$PWD" >> "$(dirname "$0")/../log"\n'


def packed(folder: Path, **files: str) -> Path:
    """An archive of one folder with these scripts in it; __ in a name stands for a dot."""
    top = folder / "x86_64-buildroot-linux-gnu_sdk-buildroot"
    (top / "bin").mkdir(parents=True)
    for name, text in files.items():
        path = top / name.replace("__", ".").replace("_", "-")
        path.write_text(text)
        path.chmod(0o755)
    archive = folder / "sdk.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", folder, top.name], check=True)
    return archive


def log(found: sdk.Sdk) -> list[str]:
    return (found.path / "../log").read_text().splitlines()


def test_an_archive_is_unpacked_and_relocated_once_whoever_names_it(tmp_path: Path) -> None:
    archive, store, notes = packed(tmp_path, relocate_sdk__sh=RELOCATE), Store(tmp_path / "store"), Notes()
    threads = [threading.Thread(target=sdk.unpacked, args=(archive, store, notes)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    copy = archive.rename(tmp_path / "same-bytes.tar.gz")
    found = sdk.unpacked(copy, store, notes)
    assert (found.path / "bin").is_dir()
    assert log(found) == [f"relocated to {found.path}"]
    assert in_store.toolchains(store).startswith("1 unpacked")


def test_what_was_not_unpacked_to_its_end_is_unpacked_again(tmp_path: Path) -> None:
    archive, store, notes = packed(tmp_path, relocate_sdk__sh=RELOCATE), Store(tmp_path / "store"), Notes()
    found = sdk.unpacked(archive, store, notes)
    (found.path.parent / "relocated").unlink()
    (found.path / "bin").rmdir()
    assert (sdk.unpacked(archive, store, notes).path / "bin").is_dir()


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    store, notes = Store(tmp_path / "store"), Notes()
    with pytest.raises(UsageError, match=r"is not an SDK of Buildroot: it has no relocate-sdk\.sh"):
        sdk.unpacked(packed(tmp_path, other=""), store, notes)
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(UsageError, match="is not an archive that tar reads"):
        sdk.unpacked(tmp_path / "text", store, notes)
    assert in_store.toolchains(store) == "none unpacked"
    assert in_store.compiled_files(store) == "none yet"

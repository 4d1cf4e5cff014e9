"""The digest of a folder: what changes it, and what does not."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fromscratch.errors import ImageError
from fromscratch.host.storage.store import Store
from fromscratch.sources.buildroot.content import content_digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "package/jq/__pycache__").mkdir(parents=True)
    (folder / "package/jq/jq.mk").write_text("JQ_VERSION = 1\n")
    (tmp_path / "outside").write_text("1")
    (folder / "link").symlink_to("../outside")
    (folder / "nowhere").symlink_to("missing")
    os.mkfifo(folder / "fifo")
    return folder


def with_the_same_times(path: Path, text: str) -> None:
    state = path.stat()
    path.write_text(text)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def retarget(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


CHANGES: dict[str, Callable[[Path], object]] = {
    "bytes of the same number, with the same time": lambda top: with_the_same_times(
        top / "package/jq/jq.mk", "JQ_VERSION = 2\n"
    ),
    "an empty folder": lambda top: (top / "empty").mkdir(),
    "a name": lambda top: (top / "package/jq").rename(top / "package/jr"),
    "an execute bit": lambda top: (top / "package/jq/jq.mk").chmod(0o755),
    "a link's target": lambda top: retarget(top / "nowhere", "missinh"),
    "the file behind a link": lambda top: with_the_same_times(top.parent / "outside", "2"),
    "a file of a name that a build leaves at the top of a tree": lambda top: (top / ".config").write_text("A=y\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_counts(folder: Path, tmp_path: Path, change: str) -> None:
    store = Store(tmp_path / "store")
    before = content_digest(folder, store)
    CHANGES[change](folder)
    assert content_digest(folder, store) != before


def test_what_does_not_count(folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    before = content_digest(folder, store, besides=frozenset({"output"}))
    (folder / "output/build").mkdir(parents=True)
    (folder / "package/jq/__pycache__/x.pyc").write_bytes(b"x")
    (folder / ".git").mkdir()
    os.utime(folder / "package/jq/jq.mk")
    (folder / "package/jq/jq.mk").chmod(0o600)
    assert content_digest(folder, store, besides=frozenset({"output"})) == before
    elsewhere = folder.rename(tmp_path / "elsewhere")
    assert content_digest(elsewhere, store, besides=frozenset({"output"})) == before


def test_what_was_read_is_not_read_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 10_000_000_000)
    before = content_digest(folder, store)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert content_digest(folder, store) == before


def test_one_file(folder: Path, tmp_path: Path) -> None:
    store, path = Store(tmp_path / "store"), folder / "package/jq/jq.mk"
    before = content_digest(path, store)
    path.write_text("JQ_VERSION = 2\n")
    assert content_digest(path, store) != before
    with pytest.raises(ImageError, match=r"cannot read .*/missing: No such file"):
        content_digest(folder / "missing", store)

"""Repositories of ebuilds: real ones of git, over https too, of rsync, and folders."""

import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fromscratch.errors import DownloadError, ImageError, IntegrityError, NotFetched, UsageError
from fromscratch.host.process import run
from fromscratch.host.storage.store import Store
from fromscratch.progress import SILENT
from fromscratch.sources.portage.options import EbuildRepository
from fromscratch.sources.portage.repositories import Repositories, SyncedRepository, versions_in
from tests.sources.portage.git_server import git_over_https
from tests.sources.portage.repository import TinyRepository, tiny_repository

_EPOCH = 1_700_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def tiny(tmp_path: Path) -> TinyRepository:
    made = tiny_repository(tmp_path)
    made.add("app-misc/a")
    return made


def commit(folder: Path, date: int = _EPOCH) -> str:
    """Commit all that is in the folder."""
    when = {"GIT_AUTHOR_DATE": f"{date} +0000", "GIT_COMMITTER_DATE": f"{date} +0000"}
    names = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    environment = {**os.environ, **when, "GIT_CONFIG_GLOBAL": "/dev/null"}

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all")
    git(*names, "commit", "--quiet", "--allow-empty", "-m", "change")
    return git("rev-parse", "HEAD")


def synced(
    store: Store,
    *wished: EbuildRepository,
    hours: int = 24,
    now: Callable[[], float] = lambda: 0.0,
    older: bool = False,
) -> list[SyncedRepository]:
    return Repositories(wished, Path("/"), store, now).sync(hours, SILENT, older=older)


def test_a_folder_is_read_again_each_time(tiny: TinyRepository, store: Store) -> None:
    wished = EbuildRepository(path=str(tiny.folder), priority=3)
    [first] = synced(store, wished)
    assert (first.name, first.commit, first.priority, first.masters) == ("tiny", "", 3, ())
    assert synced(store, wished) == [first]
    tiny.add("app-misc/b")
    assert synced(store, wished)[0].tree != first.tree


def test_git_is_asked_once_a_day(tiny: TinyRepository, store: Store) -> None:
    wished = EbuildRepository(git=tiny.folder.as_uri())
    old = commit(tiny.folder)
    assert synced(store, wished)[0].commit == old
    tiny.add("app-misc/b")
    new = commit(tiny.folder, _EPOCH + 1)
    day = 24 * 3600.0
    assert synced(store, wished, now=lambda: day - 1)[0].commit == old
    assert synced(store, wished, now=lambda: day)[0].commit == new
    assert synced(store, wished, hours=0, now=lambda: day)[0].commit == new


def test_a_commit_is_asked_for_once(tiny: TinyRepository, store: Store) -> None:
    old = commit(tiny.folder)
    wished = EbuildRepository(git=tiny.folder.as_uri(), commit=old)
    assert synced(store, wished)[0].commit == old
    commit(tiny.folder, _EPOCH + 1)
    tiny.folder.rename(tiny.folder.with_name("gone"))
    assert synced(store, wished, hours=0)[0].commit == old


def test_a_commit_that_is_older_than_before_is_refused(tiny: TinyRepository, store: Store) -> None:
    wished = EbuildRepository(git=tiny.folder.as_uri())
    commit(tiny.folder, _EPOCH)
    synced(store, wished)
    old = commit(tiny.folder, _EPOCH - 86400)
    with pytest.raises(IntegrityError) as error:
        synced(store, wished, hours=0)
    assert "has a commit of 2023-11-13 22:13, but one of 2023-11-14 22:13 was fetched" in error.value.message
    assert synced(store, wished, hours=0, older=True)[0].commit == old


def test_what_is_unpacked_is_what_was_fetched(tiny: TinyRepository, store: Store, tmp_path: Path) -> None:
    (tiny.folder / ".gitattributes").write_text("*.ebuild export-ignore text eol=crlf\n")
    (tiny.folder / ".gitignore").write_text("ignored\n")
    (tiny.folder / "ignored").write_text("all the same\n")
    wished = EbuildRepository(path=str(tiny.folder))
    repositories = Repositories([wished], Path("/"), store)
    first = repositories.sync(24, SILENT)
    ebuild = tiny.folder / "app-misc/a/a-1.0.ebuild"
    before = ebuild.read_bytes()
    ebuild.write_text("changed")
    (tiny.folder / "metadata/layout.conf").write_text("masters =\n")
    place = tmp_path / "unpacked"
    repositories.sync(24, SILENT)
    for made in (first, repositories.sync(24, SILENT), first):
        repositories.extract(made, place, SILENT)
    assert (place / "tiny/app-misc/a/a-1.0.ebuild").read_bytes() == before
    assert (place / "tiny/ignored").read_text() == "all the same\n"
    assert versions_in([place / "tiny"]) == {"app-misc/a": {"1.0"}}


def test_another_store_has_to_fetch_first(tiny: TinyRepository, store: Store, tmp_path: Path) -> None:
    wished = EbuildRepository(path=str(tiny.folder))
    made = synced(store, wished)
    with pytest.raises(NotFetched):
        Repositories([wished], Path("/"), Store(tmp_path / "other")).extract(made, tmp_path / "x", SILENT)


def test_what_is_not_a_repository(tmp_path: Path, tiny: TinyRepository, store: Store) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="empty is not a repository of ebuilds"):
        synced(store, EbuildRepository(path=str(tmp_path / "empty")))
    with pytest.raises(UsageError, match="there is no"):
        synced(store, EbuildRepository(path=str(tmp_path / "absent")))
    with pytest.raises(ImageError, match="is named tiny, not other"):
        synced(store, EbuildRepository(path=str(tiny.folder), name="other"))
    with pytest.raises(ImageError, match="two repositories are named tiny"):
        synced(store, EbuildRepository(path=str(tiny.folder)), EbuildRepository(path=f"{tiny.folder}/."))
    with pytest.raises(DownloadError, match=r"git cannot fetch file://.*: '.*absent' does not appear to be"):
        synced(store, EbuildRepository(git=f"file://{tmp_path}/absent"))


def test_a_master_that_is_missing(tiny: TinyRepository, store: Store) -> None:
    (tiny.folder / "metadata/layout.conf").write_text("masters = gentoo\n")
    with pytest.raises(ImageError) as error:
        synced(store, EbuildRepository(path=str(tiny.folder)))
    assert error.value.message == "portage: the repository tiny needs gentoo, which is not among the repositories"


@pytest.mark.slow
def test_a_private_authority_over_https(tiny: TinyRepository, store: Store, tmp_path: Path) -> None:
    """It works with its certificate, and fails without."""
    run.need("openssl", "the certificate")
    both, only = tmp_path / "server.pem", tmp_path / "ca.pem"
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = tmp_path / "key.pem"
    run.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *name, "-keyout", str(key), "-out", str(only)])
    both.write_bytes(only.read_bytes() + key.read_bytes())
    made = commit(tiny.folder)
    with git_over_https(tmp_path, both) as address:
        with pytest.raises(DownloadError) as error:
            synced(store, EbuildRepository(git=f"{address}/tiny/.git"))
        assert "certificate" in error.value.message
        assert error.value.hint.endswith("name its file under certificate:")
        wished = EbuildRepository(git=f"{address}/tiny/.git", certificate=str(only))
        assert synced(store, wished)[0].commit == made


@pytest.mark.slow
def test_rsync(tiny: TinyRepository, store: Store, tmp_path: Path) -> None:
    run.need("rsync", "the repository")
    configuration = tmp_path / "rsyncd.conf"
    configuration.write_text(
        f"use chroot = no\nlog file = /dev/null\npid file = {tmp_path}/pid\n[tiny]\npath = {tiny.folder}\n"
    )
    port = free_port()
    words = ["rsync", "--daemon", "--no-detach", f"--config={configuration}", f"--port={port}", "--address=127.0.0.1"]
    with subprocess.Popen(words) as daemon:
        try:
            wait_for(port)
            wished = EbuildRepository(rsync=f"rsync://127.0.0.1:{port}/tiny")
            [found] = synced(store, wished)
            assert found.tree == synced(store, EbuildRepository(path=str(tiny.folder)))[0].tree
            with pytest.raises(DownloadError, match=r"rsync cannot fetch .*: @ERROR: Unknown module 'absent'"):
                synced(store, EbuildRepository(rsync=f"rsync://127.0.0.1:{port}/absent"))
        finally:
            daemon.terminate()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the daemon does not answer")

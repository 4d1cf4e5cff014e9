"""The same tree as dnf installs, file by file, and the same records as rpm writes."""

import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fromscratch.host.machine.scan import scan
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File, Origin
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context
from fromscratch.sources.rpm.options import RpmOptions
from fromscratch.sources.rpm.source import RpmSource
from tests.engines import need, need_root
from tests.sameness import everything

pytest.importorskip("solv", reason="solv is not installed; it decides which packages are needed")

from tests.sources.rpm import built

pytestmark = [pytest.mark.slow, pytest.mark.engine]
# What dnf keeps for itself: Debian's rpm has its database in the home folder of whoever calls it.
_OF_DNF = ("/etc/dnf", "/root", "/var/cache/dnf", "/var/lib/dnf", "/var/log/dnf", "/var/log/hawkey", "/var/lib/rpm")
_DATABASE = "/usr/lib/sysimage/rpm/rpmdb.sqlite"
_SELECT = "SELECT key, hnum, idx FROM 'TABLE'"
_ACCOUNTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsvc:x:970:970:Service:/var/svc:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\nmail:x:12:\nsvc:x:970:\n",
}
_MADE = ("/etc/passwd", "/etc/group", "/etc/shadow", "/usr/lib/sysimage")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built.repository(tmp_path_factory.mktemp("built"))


def installed(repository: Path, root: Path, packages: list[str], *options: str) -> Rootfs:
    """What dnf installs, in a root that has the accounts."""
    for path, text in _ACCOUNTS.items():
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / path[1:]).write_text(text)
    settings = {
        "t.gpgcheck": "1",
        "t.gpgkey": f"file://{repository.parent}/KEYS",
        "reposdir": "/nonexistent",
        "install_weak_deps": "0",
        "tsflags": "noscripts",
        "optional_metadata_types": "filelists",  # which newer ones do not read by themselves
    }
    command = ["dnf", "-y", "-q", f"--installroot={root}", "--releasever=1", "--disablerepo=*"]
    command += [f"--repofrompath=t,file://{repository}", "--enablerepo=t"]
    command += [f"--setopt={name}={value}" for name, value in settings.items()]
    done = subprocess.run([*command, *options, "install", *packages], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return scan(root, Origin("dnf", "found in", "dnf"))


def ours(repository: Path, folder: Path, packages: list[str], **options: Any) -> Rootfs:
    given = RpmOptions(
        packages=packages, repositories=[f"file://{repository}"], keys=str(repository.parent / "KEYS"), **options
    )
    source = RpmSource(given, Context(folder=folder, place="rootfs[0]", platform=Platform("linux", "amd64")))
    store = Store(folder / "store")
    source.fetch(store)
    lists = folder / "accounts"
    for path, text in _ACCOUNTS.items():
        (lists / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (lists / path[1:]).write_text(text)
    return source.lay(scan(lists, Origin("below", "found in", "below"), owner=(0, 0)), store, replace=False)


def compared(tree: Rootfs) -> dict[TreePath, Any]:
    """All that is to be equal: without the files of dnf, and with times of files alone."""
    left_out = (*_OF_DNF, *_MADE)
    found = {path: value for path, value in everything(tree).items() if not path.startswith(left_out) and path != "/"}
    # Folders of what is left out, where no package has anything in them.
    folders = {"/usr/lib", "/var", "/var/cache", "/var/lib", "/var/log"}
    empty = {path for path in folders if not any(each.startswith(f"{path}/") for each in set(found) - folders)}
    return {path: _plain(value) for path, value in found.items() if path not in empty}


def _plain(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """A value without the time of folders and links, which change while others are installed."""
    kind, *rest = value
    if kind is File:
        return value
    return (type(kind), kind.meta.mode, kind.meta.uid, kind.meta.gid, getattr(kind, "target", ""), *rest)


@pytest.mark.parametrize(
    ("packages", "options", "of_dnf"),
    [
        (["app", "svc", "shell"], {}, []),
        (["base", "app", "svc"], {"recommends": True}, ["--setopt=install_weak_deps=1"]),
        (["app", "svc"], {"docs": False}, ["--setopt=tsflags=noscripts,nodocs"]),
        (["app", "svc"], {"exclude": ["alt-one"]}, ["--exclude=alt-one"]),
        (["versioned-1:2.0~rc1", "/usr/share/data/only-in-filelists", "net(v2)"], {}, []),
    ],
)
def test_the_same_tree_as_dnf(
    packages: list[str], options: dict[str, Any], of_dnf: list[str], repository: Path, tmp_path: Path
) -> None:
    need("dnf")
    need_root("dnf --installroot needs root")
    if "exclude" in options:
        packages = [*packages, "alt-two"]
    theirs = compared(installed(repository, tmp_path / "root", packages, *of_dnf))
    made = compared(ours(repository, tmp_path, packages, **options))
    assert {path: made.get(path) for path in theirs if made.get(path) != theirs[path]} == {}
    assert set(made) == set(theirs)
    assert len(theirs) > 2


def test_the_same_records_as_rpm(repository: Path, tmp_path: Path) -> None:
    need("dnf")
    need_root("dnf --installroot needs root")
    packages = ["app", "svc", "shell", "base"]
    theirs = installed(repository, tmp_path / "root", packages)
    entry = ours(repository, tmp_path, packages).find(_DATABASE)
    assert isinstance(entry, File)
    folder = tmp_path / "database"
    folder.mkdir()
    (folder / "rpmdb.sqlite").write_bytes(read(entry.content))
    home = next(path for path in theirs if path.endswith("rpmdb.sqlite"))
    assert dict(tables(folder / "rpmdb.sqlite")) == dict(tables(tmp_path / f"root{home}"))

    def rpm(*words: str) -> list[str]:
        command = ["rpm", "--dbpath", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return sorted(done.stdout.splitlines())

    assert "app-1.0-1.x86_64" in rpm("-qa")
    assert rpm("-q", "--whatprovides", "libfoo.so.1()(64bit)") == ["libfoo-1.0-1.x86_64"]
    assert rpm("-q", "--whatrequires", "/usr/bin/interp") == ["app-1.0-1.x86_64"]
    assert "/var/log/app/app.log" in rpm("-ql", "app")


def tables(database: Path) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """The rows of each table with names of packages instead of numbers, but for keys and times of installation."""
    with sqlite3.connect(database) as opened:
        names = dict(opened.execute("SELECT hnum, key FROM Name"))
        for (table,) in list(opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
            if table not in ("Packages", "Installtid", "sqlite_sequence", "sqlite_stat1"):
                found = opened.execute(_SELECT.replace("TABLE", table))
                rows = ((str(key), names[number], index) for key, number, index in found)
                yield table, sorted(row for row in rows if row[1] != "gpg-pubkey")
    opened.close()

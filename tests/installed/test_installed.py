"""Our trees of servers beside what apt makes of the same packages: nothing differs that is not explained."""

import os
import shutil
from pathlib import Path

import pytest

from fromscratch import Store
from fromscratch.host.machine import apt
from fromscratch.model.content import read
from fromscratch.model.entry import Entry, File, Symlink, kind_of
from fromscratch.model.image import Platform
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.source import DebianSource
from tests.installed.beside import compared, sources
from tests.installed.control import made_base

SUITE = "trixie"


def mirror() -> str:
    """The mirror of Debian that this machine's apt has."""
    found = [one.uri for one in apt.mirrors() if one.uri.rstrip("/").endswith("/debian")]
    if os.geteuid() or not shutil.which("mmdebstrap") or not found:
        pytest.skip("it needs root, mmdebstrap and a mirror in apt's sources")
    return found[0].rstrip("/").removesuffix("/debian")


@pytest.mark.slow
def test_nothing_differs_that_is_not_explained(tmp_path: Path) -> None:
    base = made_base(tmp_path / "control", SUITE, sources(SUITE, mirror()))
    for packages in (["redis-server"], ["nginx"]):
        (tmp_path / packages[0]).mkdir()
        found = compared(packages, SUITE, base, Store(tmp_path / "store"), tmp_path / packages[0])
        assert [str(one) for one in found if one.verdict == "unexplained"] == []


@pytest.mark.slow
def test_scripts_that_run_make_what_scripts_that_are_read_make(tmp_path: Path) -> None:
    trees = {}
    for scripts in ("sandbox", "interpret"):
        options = DebianOptions(suite=SUITE, packages=["redis-server"], mirror=f"{mirror()}/debian", scripts=scripts)
        context = Context(folder=tmp_path, place="rootfs[0]", platform=Platform.of_this_machine())
        source, store = DebianSource(options, context), Store(tmp_path / "store")
        source.fetch(store)
        trees[scripts] = {path: without_numbers(entry) for path, entry in source.build(store).items()}
    really, followed = trees["sandbox"], trees["interpret"]
    assert "/var/lib/redis" in really
    others = {path for path in {*really, *followed} if really.get(path) != followed.get(path)}
    # Numbers of accounts are those of adduser in one, and made of the names in the other.
    assert others <= {f"/etc/{name}" for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")}


def without_numbers(entry: Entry) -> tuple[str, int, bytes | str]:
    """What an entry is, without its time and the numbers of its owner."""
    told = read(entry.content) if isinstance(entry, File) else entry.target if isinstance(entry, Symlink) else ""
    return kind_of(entry), entry.meta.mode, told

"""Roots that the distributions' own tools make, from repositories made here, and of Debian from its own."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.errors import CommandFailed, ImageError, NotFetched
from fromscratch.host.storage.store import Store
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.bootstrap.options import BootstrapOptions
from tests.sameness import everything
from tests.sources.bootstrap import repositories
from tests.sources.contract import SourceContract, Subject
from tests.trees import listed, text

pytestmark = pytest.mark.slow


def subject(folder: Path, **options: Any) -> Subject:
    return Subject(msgspec.convert(options, BootstrapOptions), folder=folder)


def made(one: Subject, store: Store) -> Rootfs:
    one.bind().fetch(store)
    return one.laid(store)


def why(tree: Rootfs, path: str) -> str:
    entry = tree.find(path)
    assert entry is not None
    origin, chain = entry.origins[0], []
    while origin is not None:
        chain.append(f"{origin.reason} {origin.detail}")
        origin = origin.because  # type: ignore[assignment]
    return "; ".join(chain)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


class TestDnfContract(SourceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        repositories.need("dnf")
        address = repositories.rpms(tmp_path / "rpms")
        options = {"tool": "dnf", "packages": ["app"], "repositories": address, "unsigned": True}
        return Subject(
            msgspec.convert(options, BootstrapOptions),
            folder=tmp_path,
            other=msgspec.convert({**options, "packages": ["lib"]}, BootstrapOptions),
        )


RPM_TREE = text("""
    f 0644 0:0 5 /etc/lib.conf
    f 0644 0:0 5 /etc/made-by-script
    f 2755 0:0 4 /usr/bin/app
    f 0644 0:0 4 /usr/share/app/data
    d 0750 0:0 /usr/share/lib
    f 0644 0:0 4 /usr/share/lib/data
""")


@pytest.mark.parametrize("tool", ["dnf", "zypper"])
def test_rpm(tool: str, tmp_path: Path, store: Store) -> None:
    repositories.need(tool)
    address = repositories.rpms(tmp_path / "rpms")
    one = subject(tmp_path, tool=tool, packages=["app"], repositories=address, unsigned=True)
    with pytest.raises(NotFetched, match="has not been fetched"):
        one.laid(store)
    tree = made(one, store)
    named = {"/etc/lib.conf", "/etc/made-by-script", "/usr/bin/app", "/usr/share/lib"}
    lines = [line for line in listed(tree).splitlines() if line.split(" ")[-1] in named or line.endswith("data")]
    assert "\n".join(lines) == RPM_TREE
    assert why(tree, "/usr/bin/app") == "shipped in app 1.0-1; asked for app in rootfs[0]"
    assert why(tree, "/usr/share/lib/data") == f"shipped in lib 1.0-1; made by {tool}"
    assert why(tree, "/etc/made-by-script") == f"made by {tool}, or a script of a package"
    assert everything(made(one, Store(tmp_path / "other"))) == everything(tree)
    more = made(
        subject(tmp_path, tool=tool, packages=["app"], repositories=address, unsigned=True, recommends=True), store
    )
    assert "/usr/share/extra/data" in more
    assert "/usr/share/extra/data" not in tree


def test_pacman(tmp_path: Path, store: Store) -> None:
    repositories.need("pacman")
    address = repositories.pacman(tmp_path / "pacman")
    one = subject(tmp_path, tool="pacstrap", packages=["app"], repositories={"test": address}, unsigned=True)
    tree = made(one, store)
    assert "/etc/made-by-script" in tree
    assert why(tree, "/usr/bin/app") == "shipped in app 1.0-1; asked for app in rootfs[0]"
    assert everything(made(one, Store(tmp_path / "other"))) == everything(tree)


def test_a_failing_tool_is_named_with_its_step_and_last_lines(tmp_path: Path, store: Store) -> None:
    repositories.need("dnf")
    address = repositories.rpms(tmp_path / "rpms")
    one = subject(tmp_path, tool="dnf", packages=["ap"], repositories=address, unsigned=True)
    with pytest.raises(CommandFailed, match=r"(?s)^dnf failed while downloading packages.*Unable to find a match: ap"):
        one.bind().fetch(store)


def test_a_repository_that_is_not_there_is_named_as_a_download_is(tmp_path: Path, store: Store) -> None:
    repositories.need("dnf")
    one = subject(tmp_path, tool="dnf", packages=["ap"], repositories="http://127.0.0.1:9/nothing", unsigned=True)
    with pytest.raises(ImageError, match=r"cannot download repomd.xml from http://127.0.0.1:9/nothing"):
        one.bind().fetch(store)

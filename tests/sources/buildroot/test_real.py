"""Buildroot itself. Minutes; needs a real tree and the sources of BusyBox.

FROMSCRATCH_BUILDROOT_TREE    a Buildroot folder, tarball or git repository
FROMSCRATCH_BUILDROOT_MIRROR  a folder that scripts/buildroot-mirror filled
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import DownloadError, ImageError, IntegrityError, MissingTool, NotInTree
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.machine.package_data import shipped
from fromscratch.host.storage.store import Store
from fromscratch.linker.unused_libraries import unused_libraries
from fromscratch.model.content import read
from fromscratch.model.entry import Directory, File, Symlink
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.source import BuildrootSource
from fromscratch.sources.contract import Context
from fromscratch.transforms.accounts import check_passwords
from tests.sameness import archive_of

pytestmark = [pytest.mark.slow, pytest.mark.buildroot]

PLATFORMS = [
    *("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"),
    *("linux/386", "linux/riscv64", "linux/ppc64le", "linux/s390x"),
]
APPLETS = Path(__file__).with_name("applets_of_docker_library.txt")
Make = Callable[..., BuildrootSource]


def variable_or_skip(variable: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        pytest.skip(f"{variable} names no {variable.rpartition('_')[2].lower()}")
    return value


@pytest.fixture(scope="module")
def tree() -> str:
    return variable_or_skip("FROMSCRATCH_BUILDROOT_TREE")


@pytest.fixture(scope="module")
def mirror() -> str:
    return variable_or_skip("FROMSCRATCH_BUILDROOT_MIRROR")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def make(tree: str, mirror: str, tmp_path: Path) -> Make:
    def bound(folder: Path = tmp_path, **options: Any) -> BuildrootSource:
        given: dict[str, Any] = {
            "tree": tree,
            "mirror": mirror,
            "offline": True,
            "toolchain": "host",
            "host_tools": "system",
            **options,
        }
        context = Context(folder=folder, place="rootfs[0]", platform=Platform.of_this_machine())
        return BuildrootSource(BuildrootOptions(**given), context)

    return bound


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("toolchain", ["bootlin", "internal"])
@pytest.mark.parametrize("form", ["busybox-glibc", "app-glibc"])
def test_every_symbol_of_the_fragments_survives(
    platform: str, toolchain: Any, form: str, tree: str, store: Store, tmp_path: Path
) -> None:
    context = Context(folder=tmp_path, place="rootfs[0]", platform=Platform.parse(platform))
    made = BuildrootSource(BuildrootOptions(tree=tree, toolchain=toolchain, config=form), context)
    config = kconfig.read_config(made.configure(store).config.read_text())
    assert config["BR2_TOOLCHAIN_USES_GLIBC"] == config["BR2_REPRODUCIBLE"] == "y"


def test_lost_symbols_are_named_with_what_they_need(make: Make, store: Store) -> None:
    with pytest.raises(ImageError) as caught:
        make(packages=["systemd", "buzybox"]).fetch(store)
    assert [line.partition(" (package/")[0] for line in caught.value.message.splitlines()[1:]] == [
        "  BR2_PACKAGE_SYSTEMD=y (packages: systemd): it needs BR2_INIT_SYSTEMD (which is not set)",
        "  BR2_PACKAGE_BUZYBOX=y (packages: buzybox): there is no such symbol; did you mean BR2_PACKAGE_BUSYBOX?",
    ]


def test_a_mirror_with_other_bytes_and_one_without_any(make: Make, store: Store, tmp_path: Path) -> None:
    for folder in ("empty", "wrong/busybox"):
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(DownloadError, match=r"the source of busybox-\S+ could not be had"):
        make(mirror="empty").fetch(store)
    for suffix in ("1.36.1", "1.37.0", "1.38.0"):
        (tmp_path / "wrong" / "busybox" / f"busybox-{suffix}.tar.bz2").write_text("not busybox")
    with pytest.raises(IntegrityError, match="but Buildroot expects"):
        make(mirror="wrong").fetch(store)


def test_busybox_is_built_once_runs_and_comes_out_the_same_elsewhere(
    make: Make, store: Store, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = make()
    try:
        source.fetch(store)
    except MissingTool as error:
        pytest.skip(error.message)
    tree = source.build(store)
    busybox = tree.find("/bin/sh")
    assert isinstance(busybox, File)
    assert [one.detail for one in busybox.origins[0].chain()][-1] == "busybox (busybox-glibc.config)"
    modes = {entry.meta.mode for path, entry in tree.items() if path in ("/etc", "/var", "/usr", "/")}
    assert modes == {0o755}

    # Nobody becomes root in it: no empty password, nothing setuid. Every account's home is there.
    check_passwords(tree)
    assert [path for path, entry in tree.items() if entry.meta.mode & 0o6000] == []
    passwd = tree.find("/etc/passwd")
    assert isinstance(passwd, File)
    homes = [line.split(":")[5] for line in read(passwd.content).decode().splitlines()]
    assert [home for home in homes if not isinstance(tree.find(home), Directory)] == []

    # Nothing changed: nothing is compiled, nor is make even called.
    logs = {path: path.stat().st_mtime_ns for path in store.root.glob("work/buildroot/*/build.log")}
    again = make()
    again.fetch(store)
    again.build(store)
    assert {path: path.stat().st_mtime_ns for path in logs} == logs

    # Extracted, it runs.
    root = tmp_path / "root"
    root.mkdir()
    archive = tmp_path / "root.tar"
    archive.write_bytes(b"".join(blocks(tree)))
    subprocess.run(["tar", "-x", "-f", archive, "-C", root], check=True)
    loader = next((root / "usr/lib").glob("ld-linux*"))
    said = subprocess.run(
        [loader, "--library-path", root / "usr/lib", root / "usr/bin/busybox", "echo", "hello"],
        check=True,
        capture_output=True,
    )
    assert said.stdout == b"hello\n"

    # An applet less is built from where it was; another folder and store agree with that byte for byte.
    without_vi = make(busybox=["# CONFIG_VI is not set"])
    without_vi.fetch(store)
    changed = without_vi.build(store)
    assert "/usr/bin/vi" not in changed
    other = tmp_path_factory.mktemp("elsewhere")
    fresh = make(folder=other, busybox=["# CONFIG_VI is not set"])
    fresh.fetch(Store(other / "store"))
    assert archive_of(fresh.build(Store(other / "store"))) == archive_of(changed)


def test_the_shipped_image_has_the_applets_of_docker_library_and_no_library_too_many(make: Make, store: Store) -> None:
    source = make(config="busybox-all", external=str(shipped("buildroot-configs") / "external"))
    try:
        source.fetch(store)
    except MissingTool as error:
        pytest.skip(error.message)
    tree = source.build(store)
    busybox = tree.resolve("/bin/busybox")
    links = {path for path, entry in tree.items() if isinstance(entry, Symlink) and leads_to(tree, path) == busybox}
    text = APPLETS.read_text().splitlines()
    expected = {name for line in text if not line.startswith("#") for name in line.split()}
    assert {path.rpartition("/")[2] for path in links} | {"busybox"} == expected
    assert tree.find("/usr/bin/getconf")
    assert tree.find("/usr/bin/getent")
    left = tree.without(unused_libraries(tree))
    assert [path for path in left if path.startswith("/usr/lib/lib") and ".so" in path] == ["/usr/lib/libc.so.6"]


def leads_to(tree: Rootfs, path: str) -> str:
    try:
        return tree.resolve(path)
    except NotInTree:
        return ""

"""A user's project for Buildroot, pointed at by three lines: built, and what each part of it came to. Minutes.

FROMSCRATCH_BUILDROOT_TREE and FROMSCRATCH_BUILDROOT_MIRROR are those of test_real.py.
"""

import os
import shutil
from pathlib import Path

import pytest

from fromscratch.errors import MissingTool
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import Device, File
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.source import BuildrootSource
from fromscratch.sources.contract import Context
from tests.sources.buildroot import projects

pytestmark = [pytest.mark.slow, pytest.mark.buildroot]
AMD64 = Platform("linux", "amd64")


def project(folder: Path) -> BuildrootSource:
    """The source that is bound to a recipe in the project's own folder."""
    if not shutil.which("mkpasswd"):
        pytest.skip("there is no mkpasswd, which stands in for Buildroot's")
    given = {name: os.environ.get(f"FROMSCRATCH_BUILDROOT_{name.upper()}", "") for name in ("tree", "mirror")}
    for name, value in given.items():
        if not value:
            pytest.skip(f"FROMSCRATCH_BUILDROOT_{name.upper()} names no {name}")
    if Platform.of_this_machine() != AMD64:
        pytest.skip("the project is for x86-64, and so must the compiler of this machine be")
    options = BuildrootOptions(
        tree=given["tree"],
        mirror=given["mirror"],
        offline=True,
        external=".",
        config="gadget",
        toolchain="host",
        host_tools="system",
    )
    return BuildrootSource(options, Context(folder=projects.write(folder), place="rootfs[0]", platform=AMD64))


def text(tree: Rootfs, path: str) -> str:
    found = tree.find(path)
    assert isinstance(found, File)
    return read(found.content).decode("utf-8", "replace")


def test_each_part_of_a_project_does_what_it_does_by_hand(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    source = project(tmp_path / "gadget")
    try:
        source.fetch(store)
    except MissingTool as error:
        pytest.skip(error.message)
    tree = source.build(store)

    busybox = text(tree, "/bin/busybox")
    assert "GadgetBox v" in busybox  # BR2_GLOBAL_PATCH_DIR
    assert tree.find("/bin/vi") is None  # BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES
    assert "gadget local" in text(tree, "/usr/bin/gadget")  # a package, by local.mk
    assert text(tree, "/etc/build-id") == "built gadget_defconfig\n"  # the post-build script with its arguments
    assert text(tree, "/etc/hostname") == "gadget\n"
    assert text(tree, "/etc/gadget.conf") == "mode=fast\n"  # the overlay

    def owner(path: str) -> tuple[int, int, int]:
        entry = tree.find(path)
        assert entry is not None
        return entry.meta.mode, entry.meta.uid, entry.meta.gid

    assert owner("/etc/gadget.conf") == (0o640, 0, 1200)  # the device table
    assert isinstance(tree.find("/dev/gadget"), Device)
    assert owner("/var/lib/gadget")[1:] == (1200, 1200)  # the post-fakeroot script
    assert owner("/home/app")[1:] == (1200, 1200)  # the table of users
    assert owner("/bin/busybox") == (0o755, 0, 0)

    # A password in clear text has the same hash in every build.
    hashes = {line.split(":")[1] for line in text(tree, "/etc/shadow").splitlines() if ":$5$" in line}
    assert len(hashes) == 1
    assert tree.find("/etc/inittab") is not None  # the init system of the defconfig
    assert not any(path.startswith(("/boot/", "/lib/modules/")) for path in tree)
    assert [note.partition(":")[0] for note in source.notes(store)] == ["gadget_defconfig", "toolchain"]


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("qemu_x86_64", "linux/amd64"),
        ("qemu_x86_defconfig", "linux/386"),
        ("qemu_riscv64_virt", "linux/riscv64"),
        ("raspberrypi4_64", "linux/arm64"),
        ("beaglebone", "linux/arm/v7"),
    ],
)
def test_a_board_of_buildroot_is_configured_without_its_kernel(name: str, platform: str, tmp_path: Path) -> None:
    tree = os.environ.get("FROMSCRATCH_BUILDROOT_TREE", "")
    if not tree:
        pytest.skip("FROMSCRATCH_BUILDROOT_TREE names no tree")
    context = Context(folder=tmp_path, place="rootfs[0]", platform=Platform.parse(platform))
    source = BuildrootSource(BuildrootOptions(tree=tree, config=name), context)
    store = Store(tmp_path / "store")
    assert source.own_platform(store, bring=True) == context.platform
    config = kconfig.read_config(source.configure(store).config.read_text())
    assert "BR2_LINUX_KERNEL" not in config
    assert [each for each in config if each.startswith("BR2_TARGET_ROOTFS_") and config[each] == "y"] == [
        "BR2_TARGET_ROOTFS_TAR",
        "BR2_TARGET_ROOTFS_TAR_NONE",
    ]

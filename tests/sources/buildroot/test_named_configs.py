"""What a name under `config:` means, and what is taken of a defconfig."""

from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import UsageError
from fromscratch.formats.kconfig.config import parse
from fromscratch.model.image import Platform
from fromscratch.sources.buildroot import config, named_configs
from fromscratch.sources.buildroot.named_configs import Places, find_file
from fromscratch.sources.buildroot.platforms import merged_platform, runs_on
from tests.sources.buildroot import projects
from tests.sources.buildroot.test_config import wish_of

HOST = parse("BR2_TOOLCHAIN_EXTERNAL=y\nBR2_TOOLCHAIN_EXTERNAL_CUSTOM=y\n", "installed.config")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A recipe's folder with a project beside it, and a Buildroot with two defconfigs."""
    external, tree = projects.write(tmp_path / "external"), tmp_path / "buildroot"
    (tree / "configs").mkdir(parents=True)
    (tree / "configs" / "qemu_aarch64_virt_defconfig").write_text("BR2_aarch64=y\nBR2_LINUX_KERNEL=y\n")
    (tree / "configs" / "gadget_defconfig").write_text("BR2_arm=y\n")
    return Places(tmp_path, (external,), tree)


def settings(places: Places, **given: Any) -> dict[str, str]:
    return {one.name: one.value for one in wish_of(places.folder, places=places, **given).settings}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("busybox-glibc", "buildroot-configs/busybox-glibc.config"),
        ("gadget", "external/configs/gadget_defconfig"),
        ("gadget_defconfig", "external/configs/gadget_defconfig"),
        ("qemu_aarch64_virt", "buildroot/configs/qemu_aarch64_virt_defconfig"),
        ("external/configs/gadget_defconfig", "external/configs/gadget_defconfig"),
        ("./board.config", "board.config"),
        ("board.config", "board.config"),
    ],
)
def test_where_a_name_is_found(name: str, file: str, places: Places) -> None:
    (places.folder / "board.config").write_text("BR2_PACKAGE_JQ=y\n")
    assert str(find_file(name, places)).endswith(f"/{file}")


def test_a_fragment_beside_the_recipe_stands_before_a_defconfig_of_its_name(places: Places) -> None:
    own = places.folder / "buildroot-configs" / "gadget.config"
    own.parent.mkdir()
    own.write_text("BR2_PACKAGE_JQ=y\n")
    assert find_file("gadget", places) == own


def test_an_unknown_name_says_where_it_was_looked_for_and_what_comes_near(places: Places) -> None:
    with pytest.raises(UsageError) as caught:
        find_file("gadgt", places)
    assert caught.value.message == (
        "config: there is no fragment, defconfig or file gadgt; did you mean gadget_defconfig?"
    )
    assert f"{places.folder}/external/configs, {places.folder}/buildroot/configs" in caught.value.hint
    assert "qemu_aarch64_virt_defconfig" in caught.value.hint


def test_a_defconfig_is_taken_as_it_is_but_for_what_starts_a_machine(places: Places) -> None:
    wish = wish_of(places.folder, places=places, config="gadget")
    said = {one.name: one.value for one in wish.settings}
    of_user = {one.name: one.value for one in parse(projects.DEFCONFIG, "")}
    changed = {name: said.get(name) for name, value in of_user.items() if said.get(name) != value}
    assert changed == {
        "BR2_ROOTFS_DEVICE_TABLE": '"$(FROMSCRATCH_CONFIGS)/busybox-modes.txt system/device_table.txt '
        '$(BR2_EXTERNAL_GADGET_PATH)/board/devices.txt"',
        "BR2_ROOTFS_POST_IMAGE_SCRIPT": None,
        "BR2_LINUX_KERNEL": None,
        "BR2_LINUX_KERNEL_DEFCONFIG": None,
        "BR2_TARGET_ROOTFS_EXT2": None,
        "BR2_TARGET_ROOTFS_TAR": "y",
        "BR2_TARGET_GRUB2": None,
        "BR2_PACKAGE_HOST_GENIMAGE": None,
    }
    added = {name: value for name, value in said.items() if name not in of_user}
    assert added == {"BR2_TARGET_ENABLE_ROOT_LOGIN": "y", "BR2_REPRODUCIBLE": "y"}
    assert wish.notes == (
        "gadget_defconfig: the root filesystem is built, and no kernel, bootloader or disk image: without "
        "BR2_LINUX_KERNEL, BR2_TARGET_ROOTFS_EXT2, BR2_TARGET_GRUB2, BR2_PACKAGE_HOST_GENIMAGE",
    )


def test_a_kernel_that_the_recipe_turns_on_is_the_one_of_the_defconfig(places: Places) -> None:
    said = settings(places, config="gadget", set={"BR2_LINUX_KERNEL": True})
    assert said["BR2_LINUX_KERNEL_DEFCONFIG"] == '"x86_64"'


def test_the_headers_of_a_kernel_that_is_left_out_are_those_of_its_version(places: Places) -> None:
    (places.folder / "board_defconfig").write_text(
        "BR2_x86_64=y\nBR2_LINUX_KERNEL=y\nBR2_LINUX_KERNEL_CUSTOM_VERSION=y\n"
        'BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE="6.18.7"\nBR2_PACKAGE_HOST_LINUX_HEADERS_CUSTOM_6_18=y\n'
    )
    said = settings(places, config="board_defconfig")
    assert said["BR2_KERNEL_HEADERS_VERSION"] == "y"
    assert said["BR2_DEFAULT_KERNEL_VERSION"] == '"6.18.7"'
    again = settings(places, config="board_defconfig", set={"BR2_LINUX_KERNEL": True})
    assert "BR2_KERNEL_HEADERS_VERSION" not in again


def test_a_toolchain_of_the_recipe_wins_over_that_of_a_defconfig_and_says_so(places: Places) -> None:
    wish = wish_of(places.folder, places=places, config="gadget", toolchain="host", of_toolchain=HOST)
    said = {one.name: one.value for one in wish.settings}
    assert said["BR2_TOOLCHAIN_EXTERNAL_CUSTOM"] == "y"
    assert "BR2_TOOLCHAIN_BUILDROOT_CXX" not in said
    assert wish.notes[-1] == (
        "toolchain: host of the recipe is used instead of what gadget_defconfig says: BR2_TOOLCHAIN_BUILDROOT_CXX"
    )


def test_internal_is_what_a_defconfig_that_builds_its_toolchain_means_already(places: Places) -> None:
    assert settings(places, config="gadget", toolchain="internal")["BR2_TOOLCHAIN_BUILDROOT_CXX"] == "y"


def test_a_defconfig_for_another_platform_is_refused_with_both(places: Places) -> None:
    with pytest.raises(UsageError) as caught:
        settings(places, config="qemu_aarch64_virt")
    assert caught.value.message == (
        "qemu_aarch64_virt_defconfig: BR2_aarch64=y builds for linux/arm64, but the image is to be for linux/amd64"
    )


def test_so_is_a_symbol_of_the_recipe_over_a_fragment(places: Places) -> None:
    with pytest.raises(UsageError, match=r"set: BR2_aarch64: BR2_aarch64=y builds for linux/arm64"):
        settings(places, set={"BR2_aarch64": True})


def test_what_a_recipe_sets_is_added_to_lists_of_files_and_replaces_all_else(places: Places) -> None:
    said = settings(
        places,
        config="gadget",
        set={"BR2_ROOTFS_OVERLAY": "$(FROMSCRATCH_FOLDER)/more", "BR2_TARGET_GENERIC_HOSTNAME": "box"},
    )
    assert said["BR2_ROOTFS_OVERLAY"] == '"$(BR2_EXTERNAL_GADGET_PATH)/board/overlay $(FROMSCRATCH_FOLDER)/more"'
    assert said["BR2_TARGET_GENERIC_HOSTNAME"] == '"box"'


def test_a_device_table_of_the_recipe_stands_in_the_place_of_the_shipped_one(places: Places) -> None:
    said = settings(places, set={"BR2_ROOTFS_DEVICE_TABLE": "$(FROMSCRATCH_FOLDER)/devices.txt"})
    assert said["BR2_ROOTFS_DEVICE_TABLE"] == '"$(FROMSCRATCH_FOLDER)/devices.txt"'


def test_a_mirror_of_the_recipe_instead_of_the_site_of_a_defconfig_is_noted(places: Places) -> None:
    defconfig = places.folder / "mine_defconfig"
    defconfig.write_text('BR2_x86_64=y\nBR2_PRIMARY_SITE="https://example.org/own"\n')
    wish = wish_of(places.folder, places=places, config="mine_defconfig", mirror="https://example.org/other")
    assert wish.notes == (
        "mirror: https://example.org/other is used instead of "
        'BR2_PRIMARY_SITE="https://example.org/own" (mine_defconfig)',
    )


@pytest.mark.parametrize(
    ("symbols", "platform"),
    [
        ("BR2_x86_64 BR2_x86_corei7", "linux/amd64"),
        ("BR2_x86_i686", "linux/386"),
        ("BR2_arm", "linux/arm/v5"),
        ("BR2_arm BR2_arm1176jzf_s", "linux/arm/v6"),
        ("BR2_arm BR2_cortex_a17_a7", "linux/arm/v7"),
        ("BR2_arm BR2_cortex_a53", "linux/arm/v8"),
        ("BR2_arm BR2_ARM_CPU_ARMV7A", "linux/arm/v7"),
        ("BR2_riscv", "linux/riscv64"),
        ("BR2_x86_64 BR2_aarch64", "linux/arm64"),
        ("BR2_PACKAGE_JQ", "None"),
    ],
)
def test_the_platform_that_symbols_mean(symbols: str, platform: str) -> None:
    found = merged_platform(parse("".join(f"{name}=y\n" for name in symbols.split()), ""))
    assert str(found) == platform


def test_an_architecture_without_images_is_refused() -> None:
    with pytest.raises(UsageError, match="BR2_sparc64=y is an architecture that container images have no name for"):
        merged_platform(parse("BR2_sparc64=y\n", ""))


def test_older_arm_runs_where_newer_does() -> None:
    v6, v7 = Platform.parse("linux/arm/v6"), Platform.parse("linux/arm/v7")
    assert (runs_on(v6, v7), runs_on(v7, v6)) == (True, False)


def test_the_names_that_are_offered_are_those_that_can_be_said(places: Places) -> None:
    for name in named_configs.known_names(places):
        assert find_file(name, places).is_file()
    assert config.fragment("over-defconfig")

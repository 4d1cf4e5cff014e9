"""Which settings a recipe comes to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.machine.package_data import shipped
from fromscratch.model.image import Platform
from fromscratch.sources.buildroot import accepted, config, named_configs
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.toolchain.settings import headers_symbol

AMD64 = Platform("linux", "amd64")
PLATFORMS = [Platform.parse(f"linux/{name}") for name in ("amd64", "arm64", "arm/v7", "386", "riscv64")]


def options(**given: Any) -> BuildrootOptions:
    return msgspec.convert({"version": "2026.05.1", **given}, BuildrootOptions)


def wish_of(
    folder: Path,
    *,
    platform: Platform = AMD64,
    of_toolchain: Sequence[Setting] = (),
    places: named_configs.Places | None = None,
    **given: Any,
) -> config.Wish:
    said = options(**given)
    named = named_configs.find(said.configs, places or named_configs.Places(folder))
    return config.wish(said, folder, platform, of_toolchain, named)


def wished(folder: Path, **given: Any) -> dict[str, str]:
    wish = wish_of(folder, **given)
    return {one.name: one.value for one in wish.settings}


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
@pytest.mark.parametrize("form", ["busybox-glibc", "app-glibc"])
def test_every_platform_has_its_fragments(platform: Platform, form: str, tmp_path: Path) -> None:
    architecture = config.architecture(platform)
    bootlin = config.fragment(f"toolchain/bootlin-{architecture}")
    wish = wish_of(tmp_path, config=form, platform=platform, of_toolchain=bootlin)
    assert kconfig.parse(wish.text, "again")
    assert any("BOOTLIN" in one.name and one.name.endswith("GLIBC_STABLE") for one in wish.settings)


def test_shipped_fragments_have_no_symbol_twice() -> None:
    for path in shipped("buildroot-configs").rglob("*.config"):
        settings = kconfig.parse(path.read_text(), path.name)
        assert len(settings) == len(kconfig.merge(settings)), path


def test_a_platform_without_a_fragment_says_which_have_one() -> None:
    with pytest.raises(UsageError, match="linux/loong64") as caught:
        config.architecture(Platform("linux", "loong64"))
    assert "linux/riscv64" in caught.value.hint


def test_what_is_said_later_wins_and_the_tar_is_always_made(tmp_path: Path) -> None:
    (tmp_path / "buildroot-configs").mkdir()
    fragment = tmp_path / "buildroot-configs" / "mine.config"
    fragment.write_text("BR2_PACKAGE_A=y\nBR2_PACKAGE_B=y\n# BR2_TARGET_ROOTFS_TAR is not set\n")
    settings = wished(
        tmp_path, config=["busybox-glibc", "mine"], packages=["jq", "BR2_PACKAGE_C"], set={"BR2_PACKAGE_B": False}
    )
    assert [settings[f"BR2_PACKAGE_{name}"] for name in ("A", "B", "C", "JQ", "BUSYBOX")] == ["y", "n", "y", "y", "y"]
    assert settings["BR2_TARGET_ROOTFS_TAR"] == settings["BR2_REPRODUCIBLE"] == "y"


def test_root_is_locked_unless_the_recipe_gives_a_password(tmp_path: Path) -> None:
    login, password = "BR2_TARGET_ENABLE_ROOT_LOGIN", "BR2_TARGET_GENERIC_ROOT_PASSWD"
    assert wished(tmp_path)[login] == "n"
    assert wished(tmp_path, set={password: ""})[login] == "n"
    assert wished(tmp_path, set={password: "$$6$$a$$b"})[login] == "y"
    assert wished(tmp_path, set={password: "$$6$$a$$b", login: False})[login] == "n"
    assert wished(tmp_path, set={login: True})[login] == "y"


def test_a_package_is_named_as_buildroot_does() -> None:
    assert config.symbol_of("skeleton-init-none") == "BR2_PACKAGE_SKELETON_INIT_NONE"
    assert config.symbol_of("BR2_PACKAGE_JQ") == "BR2_PACKAGE_JQ"
    with pytest.raises(UsageError, match="not a name of a package"):
        config.symbol_of("a b")


def test_a_fragment_that_is_nowhere_gets_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        wished(tmp_path, config="busybox-glib")
    assert (
        caught.value.message
        == "config: there is no fragment, defconfig or file busybox-glib; did you mean busybox-glibc?"
    )


def test_a_mirror_may_be_a_folder_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    assert wished(tmp_path, mirror="sources")["BR2_PRIMARY_SITE"] == f'"file://{tmp_path}/sources"'
    assert wished(tmp_path, mirror="https://example.org/br")["BR2_PRIMARY_SITE"] == '"https://example.org/br"'
    with pytest.raises(UsageError, match="neither a URL nor a folder"):
        wished(tmp_path, mirror="nowhere")


def test_busybox_takes_files_and_lines(tmp_path: Path) -> None:
    (tmp_path / "vi.config").write_text("CONFIG_VI=y\n")
    wish = wish_of(tmp_path, busybox=["vi.config", "# CONFIG_ED is not set"])
    assert wish.busybox == ("CONFIG_VI=y\n", "# CONFIG_ED is not set\n")
    accepted.check_busybox_accepted(wish, "CONFIG_VI=y\n")
    with pytest.raises(ImageError, match="CONFIG_VI=y"):
        accepted.check_busybox_accepted(wish, "# CONFIG_VI is not set\n")
    with pytest.raises(UsageError, match="neither a file nor a setting"):
        wish_of(tmp_path, busybox=["nowhere.config"])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"tree": "x"}, "either version"),
        ({"offline": True}, "needs mirror"),
        ({"sha256": "12"}, "64 hexadecimal"),
        ({"sha256": "x" * 64}, "64 hexadecimal"),
        ({"version": "", "tree": "x", "keyring": "keys.gpg"}, "verifies a release"),
        ({"set": {"br2": True}}, "not a symbol"),
        ({"make": {"A B": "1"}}, "not a variable"),
        ({"toolchain": "gcc"}, "Invalid enum value"),
        ({"toolchain": {"internal": "x"}}, "unknown field"),
        ({"pakages": []}, "unknown field"),
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        options(**given)


def test_the_newest_known_kernel_headers_that_are_not_too_new() -> None:
    menu = "".join(f"config BR2_TOOLCHAIN_EXTERNAL_HEADERS_{one}\n\tbool\n" for one in ("6_12", "6_1", "5_10"))
    assert headers_symbol(menu, (6, 1)).endswith("_6_1")
    assert headers_symbol(menu, (6, 6)).endswith("_6_1")
    assert headers_symbol(menu, (7, 0)).endswith("_6_12")
    with pytest.raises(UsageError, match=r"as old as 4\.19"):
        headers_symbol(menu, (4, 19))

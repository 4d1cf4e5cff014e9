"""What of an earlier build is still good."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.sources.buildroot.progress import Package
from fromscratch.sources.buildroot.staleness import Inputs, Stale, clear, compare


def package(name: str, *needs: str, version: str = "1", staging: bool = False) -> Package:
    return Package(name, version, needs, staging, False, f"build/{name}-{version}")


PACKAGES = {
    one.name: one
    for one in (
        package("skeleton"),
        package("libz", "skeleton", staging=True),
        package("busybox", "skeleton"),
        package("jq", "libz"),
        package("jq-extra", "skeleton"),
    )
}
BEFORE = Inputs("BR2_x86_64=y\nBR2_PACKAGE_BUSYBOX=y\nBR2_PACKAGE_JQ=y\n", PACKAGES)


def with_config(line: str) -> Inputs:
    return replace(BEFORE, config_text=BEFORE.config_text + line + "\n")


def test_nothing_changed() -> None:
    assert compare(BEFORE, BEFORE) == Stale()


@pytest.mark.parametrize(
    "line", ["BR2_x86_CORE=y", "BR2_OPTIMIZE_S=y", "BR2_PACKAGE_UNKNOWN=y", "BR2_ROOTFS_MERGED_USR=y"]
)
def test_what_could_change_everything_does(line: str) -> None:
    assert compare(BEFORE, with_config(line)).all.endswith(" changed")


def test_a_symbol_of_the_image_only_fills_it_again() -> None:
    assert compare(BEFORE, with_config('BR2_TARGET_GENERIC_HOSTNAME="box"')) == Stale(image=True)


def test_an_option_of_a_package_builds_it_and_what_is_built_against_it() -> None:
    assert compare(BEFORE, with_config("BR2_PACKAGE_LIBZ_FAST=y")) == Stale(
        packages=frozenset({"libz", "jq"}), image=True
    )


def test_the_longest_name_owns_a_symbol() -> None:
    assert compare(BEFORE, with_config("BR2_PACKAGE_JQ_EXTRA_COLOUR=y")).packages == {"jq-extra"}


def test_busyboxs_own_configuration_goes_on_from_there() -> None:
    assert compare(BEFORE, replace(BEFORE, busybox="CONFIG_VI=y\n")) == Stale(
        reconfigured=frozenset({"busybox"}), image=True
    )


def test_an_optional_dependency_that_appeared_builds_its_user_again() -> None:
    now = replace(BEFORE, packages={**PACKAGES, "busybox": package("busybox", "skeleton", "libz")})
    assert compare(BEFORE, now).packages == {"busybox"}


def test_what_was_left_out_leaves_the_image_and_what_others_could_find_of_it() -> None:
    without_extra = {name: one for name, one in PACKAGES.items() if name != "jq-extra"}
    assert compare(BEFORE, replace(BEFORE, packages=without_extra)) == Stale(
        packages=frozenset({"jq-extra"}), image=True
    )
    without_libz = {name: one for name, one in PACKAGES.items() if name not in ("jq", "libz")}
    assert compare(BEFORE, replace(BEFORE, packages=without_libz)) == Stale(
        packages=frozenset({"jq", "libz"}), image=True
    )


def changed(*names: str, packages: Mapping[str, Package] = PACKAGES, config: str = "") -> Stale:
    """What is stale after these parts have another content."""
    before = replace(BEFORE, packages=packages, config_text=BEFORE.config_text + config)
    others = {"package package/libz": "1", "package package/group/jq": "1", "package package/group": "1"}
    return compare(
        replace(before, parts=others | dict.fromkeys(names, "1")),
        replace(before, parts=others | dict.fromkeys(names, "2")),
    )


@pytest.mark.parametrize(
    ("part", "rebuilt"),
    [
        ("package package/libz", {"libz", "jq"}),
        ("package package/group", {"jq"}),
        ("package other/busybox\t/srv/external", {"busybox"}),
        ("package package/unknown", set()),
        ("package BR2_GLOBAL_PATCH_DIR/jq", {"jq"}),
        ("variable JQ_EXTRA_CONF_OPTS\t/srv/local.mk", {"jq-extra"}),
        ("variable HOST_JQ_OVERRIDE_SRCDIR", {"jq"}),
        ("symbol BR2_PACKAGE_JQ_CONFIG", {"jq"}),
        ("skeleton system/skeleton", {"skeleton"}),
    ],
)
def test_an_edit_rebuilds_a_package_and_what_is_built_with_it(part: str, rebuilt: set[str]) -> None:
    assert changed(part) == Stale(packages=frozenset(rebuilt), image=bool(rebuilt))


def test_an_edit_that_only_the_image_sees() -> None:
    assert changed("image BR2_ROOTFS_OVERLAY") == Stale(image=True)
    assert changed("last BR2_ROOTFS_USERS_TABLES") == Stale()
    assert changed("variable FOO_OVERRIDE_SRCDIR") == Stale()
    assert changed("symbol BR2_PACKAGE_BUSYBOX_CONFIG") == Stale(reconfigured=frozenset({"busybox"}), image=True)


def test_a_script_that_changes_the_target_folder_sees_a_fresh_one() -> None:
    script = 'BR2_ROOTFS_POST_BUILD_SCRIPT="/srv/post.sh"\n'
    assert changed("last BR2_ROOTFS_USERS_TABLES", config=script) == Stale(image=True)


@pytest.mark.parametrize("part", ["all package", "all external.mk", "variable TARGET_CFLAGS", "symbol BR2_TOOLCHAIN_X"])
def test_an_edit_that_can_change_everything(part: str) -> None:
    assert changed(part).all.endswith(" changed")


def test_a_toolchain_that_would_come_out_otherwise() -> None:
    packages = {**PACKAGES, "host-gcc-final": package("host-gcc-final")}
    assert changed("package package/gcc/gcc-final\tx", packages=packages).all
    assert changed("package package/gcc", packages=packages) == Stale()


def test_a_program_of_the_machine_that_builds_counts_for_who_is_built_with_it() -> None:
    packages = {**PACKAGES, "host-flex": package("host-flex"), "jq": package("jq", "host-flex")}
    assert changed("package package/flex", packages=packages).packages == {"host-flex", "jq"}
    assert changed("package package/busybox", packages={**PACKAGES, "jq": package("jq", "busybox")}).packages == {
        "busybox"
    }


def test_packages_with_folders_of_their_own_are_all_built_again() -> None:
    before = with_config("BR2_PER_PACKAGE_DIRECTORIES=y")
    assert compare(before, before) == Stale()
    assert compare(before, replace(before, busybox="CONFIG_VI=y\n")).all
    assert compare(before, replace(before, parts={"image BR2_ROOTFS_OVERLAY": "1"})) == Stale(image=True)


def test_what_a_package_installed_for_others_goes_with_it_and_what_is_of_another_stays(tmp_path: Path) -> None:
    for name, listed in (("libz-1", ("usr/include/z.h", "usr/share/both", "../out")), ("jq-1", ("usr/share/both",))):
        folder = tmp_path / "build" / name
        folder.mkdir(parents=True)
        lines = [f"{name},./{path}\n" for path in listed]
        (folder / ".files-list-staging.txt").write_text("".join(lines))
    for path in ("staging/usr/include/z.h", "staging/usr/share/both", "out"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    clear(Stale(packages=frozenset({"libz"})), BEFORE, tmp_path)
    assert not (tmp_path / "staging/usr/include/z.h").exists()
    assert (tmp_path / "staging/usr/share/both").exists()
    assert (tmp_path / "out").exists()


def test_clearing_takes_away_just_that(tmp_path: Path) -> None:
    for name in ("libz-1", "busybox-1"):
        folder = tmp_path / "build" / name
        folder.mkdir(parents=True)
        for stamp in ("extracted", "configured", "built", "target_installed", "installed"):
            (folder / f".stamp_{stamp}").touch()
    (tmp_path / "target").mkdir()
    clear(Stale(packages=frozenset({"libz"}), reconfigured=frozenset({"busybox"}), image=True), BEFORE, tmp_path)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["build", "build/busybox-1", "build/busybox-1/.stamp_extracted"]
    clear(Stale(all="x"), BEFORE, tmp_path)
    assert not tmp_path.exists()

"""What of an earlier build is still good."""

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


def test_what_was_left_out_leaves_the_image_and_with_it_everything_if_others_could_find_it() -> None:
    without_extra = {name: one for name, one in PACKAGES.items() if name != "jq-extra"}
    assert compare(BEFORE, replace(BEFORE, packages=without_extra)) == Stale(
        packages=frozenset({"jq-extra"}), image=True
    )
    without_libz = {name: one for name, one in PACKAGES.items() if name not in ("jq", "libz")}
    assert compare(BEFORE, replace(BEFORE, packages=without_libz)).all == "libz was left out"


def test_an_external_package_that_was_edited_is_built_again() -> None:
    before = replace(BEFORE, external={"jq": "1", "": "a"})
    assert compare(before, replace(before, external={"jq": "2", "": "a"})).packages == {"jq"}
    assert compare(before, replace(before, external={"jq": "1", "": "b"})).all == "the external tree changed"


def test_packages_with_folders_of_their_own_are_all_built_again() -> None:
    before = with_config("BR2_PER_PACKAGE_DIRECTORIES=y")
    assert compare(before, before) == Stale()
    assert compare(before, replace(before, busybox="CONFIG_VI=y\n")).all


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

"""Make's variables: what the driver and the recipe add never beats the user's configuration without a word."""

from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import UsageError
from fromscratch.sources.buildroot import variables
from fromscratch.sources.buildroot.config import Wish
from fromscratch.sources.buildroot.make_paths import Folders
from tests.sources.buildroot import projects
from tests.sources.buildroot.test_config import wish_of


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    external, tree = projects.write(tmp_path / "external"), tmp_path / "buildroot"
    tree.mkdir()
    return Folders(tree, True, (external,), tmp_path / "place", tmp_path / "downloads")


def wish(folders: Folders, text: str, **given: Any) -> Wish:
    path = folders.tree.parent / "my_defconfig"
    path.write_text(f"BR2_x86_64=y\n{text}\n")
    return wish_of(path.parent, config="my_defconfig", **given)


def test_fragments_of_busybox_come_after_those_of_the_user(folders: Folders) -> None:
    said = wish(folders, 'BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES="board/a board/b"')
    assert variables.busybox_fragments(said, [Path("/place/0.config")], {}) == {
        "BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES": "board/a board/b /place/0.config"
    }
    assert variables.busybox_fragments(said, [], {}) == {}


def test_overrides_of_the_user_have_the_last_word(folders: Folders) -> None:
    said = wish(folders, 'BR2_PACKAGE_OVERRIDE_FILE="$(BR2_EXTERNAL_GADGET_PATH)/local.mk"')
    users = variables.users_overrides({}, said, folders)
    made = variables.override_file("A_OVERRIDE_SRCDIR = /ours\n", users, folders.place)
    text = Path(made["BR2_PACKAGE_OVERRIDE_FILE"]).read_text()
    assert text.splitlines()[1:] == [
        "A_OVERRIDE_SRCDIR = /ours",
        "",
        "-include $(call qstrip,$(BR2_EXTERNAL_GADGET_PATH)/local.mk)",
    ]


def test_local_mk_beside_the_users_buildroot_is_what_a_build_in_it_would_use(folders: Folders) -> None:
    assert variables.users_overrides({}, wish(folders, ""), folders) == ""
    (folders.tree / "local.mk").write_text("")
    assert variables.users_overrides({}, wish(folders, ""), folders) == f"{folders.tree}/local.mk"


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("", "downloads"),
        ("$(TOPDIR)/../dl", "dl"),
        ("$(BR2_EXTERNAL_GADGET_PATH)/dl", "external/dl"),
        ("dl", "buildroot/dl"),
    ],
)
def test_sources_lie_where_the_user_keeps_them(value: str, folder: str, folders: Folders) -> None:
    said = wish(folders, f'BR2_DL_DIR="{value}"')
    assert variables.downloads({}, said, folders) == folders.tree.parent / folder


def test_a_folder_of_sources_that_only_make_knows_is_refused(folders: Folders) -> None:
    with pytest.raises(UsageError, match="is known to make only"):
        variables.downloads({}, wish(folders, 'BR2_DL_DIR="$(shell pwd)/dl"'), folders)


def test_variables_of_the_recipe_are_joined_with_lists_of_the_configuration(folders: Folders) -> None:
    said = wish(folders, 'BR2_ROOTFS_OVERLAY="board/overlay"')
    assert variables.of_recipe({"BR2_ROOTFS_OVERLAY": "/more", "V": "1"}, said) == {
        "BR2_ROOTFS_OVERLAY": "board/overlay /more",
        "V": "1",
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("BR2_TARGET_GENERIC_HOSTNAME", r'would beat BR2_TARGET_GENERIC_HOSTNAME="box" \(my_defconfig\)'),
        ("BR2_EXTERNAL", "is not for a recipe to set"),
        ("O", "is not for a recipe to set"),
    ],
)
def test_variables_that_would_beat_the_configuration_are_refused(name: str, why: str, folders: Folders) -> None:
    said = wish(folders, 'BR2_TARGET_GENERIC_HOSTNAME="box"')
    with pytest.raises(UsageError, match=why):
        variables.of_recipe({name: "other"}, said)

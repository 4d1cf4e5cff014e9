"""Into which parts folders fall, and which of them an edit changes."""

from pathlib import Path

import pytest

from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.storage.own_folders import NONE
from fromscratch.host.storage.store import Store
from fromscratch.sources.buildroot.make_paths import Folders
from fromscratch.sources.buildroot.named_files import Reading, of_settings
from fromscratch.sources.buildroot.parts import of_external, of_overrides, of_tree

TREE = (
    "Makefile Config.in docs/manual.adoc board/qemu/post.sh system/skeleton/etc/passwd system/system.mk "
    "system/device_table.txt fs/tar/tar.mk support/scripts/mkusers package/Makefile.in package/pkg-generic.mk "
    "package/jq/jq.mk package/jq/Config.in "
    "package/gcc/gcc.mk package/gcc/gcc-final/gcc-final.mk linux/linux.mk notes.txt"
)
EXTERNAL = (
    "external.desc external.mk Config.in README configs/box_defconfig board/box/post-build.sh "
    "package/hello/hello.mk package/hello/hello.c package/hello/Config.in src/tool/tool.c"
)


def lay(top: Path, names: str) -> Path:
    for name in names.split():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("name: BOX\n" if name == "external.desc" else "")
    return top


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return lay(tmp_path / "tree", TREE)


@pytest.fixture
def external(tmp_path: Path) -> Path:
    return lay(tmp_path / "external", EXTERNAL)


def edited(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("another text\n")


def differing(before: dict[str, str], now: dict[str, str]) -> set[str]:
    names = {key for key in {*before, *now} if before.get(key) != now.get(key)}
    return {name.partition("\t")[0] for name in names}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("notes.txt", set()),
        ("untracked", set()),
        ("package/notes", set()),
        ("docs/manual.adoc", set()),
        ("board/qemu/post.sh", set()),
        ("package/jq/Config.in", set()),
        ("package/jq/jq.mk", {"package package/jq"}),
        ("package/jq/0001-fix.patch", {"package package/jq"}),
        ("package/gcc/gcc-final/0001-fix.patch", {"package package/gcc/gcc-final"}),
        ("package/gcc/15/0001-fix.patch", {"package package/gcc"}),
        ("linux/linux.mk", {"package linux"}),
        ("fs/tar/tar.mk", {"last fs"}),
        ("system/device_table.txt", {"last fs"}),
        ("system/skeleton/etc/passwd", {"skeleton system/skeleton"}),
        ("package/pkg-generic.mk", {"all package"}),
        ("Makefile", {"all Makefile"}),
        ("support/scripts/mkusers", {"all support/scripts"}),
    ],
)
def test_what_an_edit_of_buildroot_itself_changes(name: str, parts: set[str], tree: Path, store: Store) -> None:
    before = of_tree(tree, store, ())
    edited(tree / name)
    assert differing(before, of_tree(tree, store, ())) == parts


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("configs/box_defconfig", set()),
        ("Config.in", set()),
        ("package/hello/Config.in", set()),
        ("package/hello/hello.c", {"package package/hello"}),
        ("package/hello/0001-fix.patch", {"package package/hello"}),
        ("board/box/post-build.sh", {"image files beside packages"}),
        ("src/tool/tool.c", {"image files beside packages", "package package/hello"}),
        ("external.mk", {"all external.mk"}),
    ],
)
def test_what_an_edit_of_an_external_tree_changes(
    name: str, parts: set[str], external: Path, store: Store, tmp_path: Path
) -> None:
    (external / "package/hello/hello.mk").write_text(
        "HELLO_SITE = $(BR2_EXTERNAL_BOX_PATH)/src/tool\nHELLO_SITE_METHOD = local\n"
    )
    folders = Folders(tmp_path / "tree", True, (external,), tmp_path, tmp_path)
    before = of_external(external, store, NONE, folders)
    edited(external / name)
    assert differing(before, of_external(external, store, NONE, folders)) == parts


def test_a_makefile_that_adds_to_another_package_counts_for_that_too(
    external: Path, store: Store, tmp_path: Path
) -> None:
    folders = Folders(tmp_path / "tree", True, (external,), tmp_path, tmp_path)
    before = of_external(external, store, NONE, folders)
    (external / "package/hello/hello.mk").write_text("HELLO_VERSION = 2\nBUSYBOX_CFLAGS += -g\n")
    assert differing(before, of_external(external, store, NONE, folders)) == {
        "package package/hello",
        "variable BUSYBOX_CFLAGS",
    }


def test_a_file_of_overrides_counts_by_its_lines_and_the_folders_it_names(store: Store, tmp_path: Path) -> None:
    folders = Folders(tmp_path, True, (), tmp_path, tmp_path)
    edited(tmp_path / "src/jq/main.c")
    text = "# mine\nJQ_OVERRIDE_SRCDIR = $(TOPDIR)/src/jq\nBUSYBOX_CFLAGS += -g\n"
    before = of_overrides(text, folders, store, NONE)
    assert differing(before, of_overrides(f"{text}\n# more\n", folders, store, NONE)) == set()
    assert differing(before, of_overrides(text.replace("-g", "-O"), folders, store, NONE)) == {
        "variable BUSYBOX_CFLAGS"
    }
    assert differing(before, of_overrides(f"{text}ifeq (a,b)\n", folders, store, NONE)) == {"all the file of overrides"}
    (tmp_path / "src/jq/main.c").write_text("changed\n")
    assert differing(before, of_overrides(text, folders, store, NONE)) == {"variable JQ_OVERRIDE_SRCDIR"}


@pytest.mark.parametrize(
    ("symbol", "named", "edit", "parts"),
    [
        ("BR2_ROOTFS_OVERLAY", "over", "over/etc/motd", {"last BR2_ROOTFS_OVERLAY"}),
        ("BR2_ROOTFS_OVERLAY", "over", "over/etc/new", {"image BR2_ROOTFS_OVERLAY", "last BR2_ROOTFS_OVERLAY"}),
        ("BR2_ROOTFS_USERS_TABLES", "board/users", "board/users", {"last BR2_ROOTFS_USERS_TABLES"}),
        ("BR2_ROOTFS_POST_BUILD_SCRIPT", "board/post.sh", "board/data", {"image BR2_ROOTFS_POST_BUILD_SCRIPT"}),
        ("BR2_GLOBAL_PATCH_DIR", "patches", "patches/jq/1.patch", {"package BR2_GLOBAL_PATCH_DIR/jq"}),
        ("BR2_PACKAGE_BUSYBOX_CONFIG", "board/bb", "board/bb", {"symbol BR2_PACKAGE_BUSYBOX_CONFIG"}),
        ("BR2_PACKAGE_BUSYBOX_CONFIG", "board/bb", "board/users", set()),
    ],
)
def test_a_file_that_a_symbol_names_counts_for_what_it_is_for(
    symbol: str, named: str, edit: str, parts: set[str], store: Store, tmp_path: Path
) -> None:
    folder = lay(tmp_path / "recipe", "over/etc/motd board/users board/post.sh board/data board/bb patches/jq/1.patch")
    where = Reading(folder, Folders(tmp_path, True, (), tmp_path, tmp_path), store, NONE)
    settings = [Setting(symbol, f'"$(FROMSCRATCH_FOLDER)/{named}"', "set:")]
    before = of_settings(settings, where)
    edited(folder / edit)
    assert differing(before, of_settings(settings, where)) == parts

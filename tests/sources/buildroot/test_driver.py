"""What the driver does around make: resuming, locking, staleness, failures. On a tiny tree; see its README."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import CommandFailed, DownloadError, ImageError, MissingTool, NotFetched, UsageError
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.paths import tree_path
from fromscratch.progress import Silent
from fromscratch.sources.buildroot import preflight
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.source import BuildrootSource
from fromscratch.sources.contract import Context
from tests.sources.contract import SourceContract, Subject
from tests.trees import listed, text

TREE = Path(__file__).parent / "tiny"
Make = Callable[..., BuildrootSource]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path) -> None:
    try:
        preflight.check(tmp_path)
    except MissingTool as error:
        pytest.skip(error.message)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recipe = tmp_path / "recipe"
    (recipe / "mirror" / "greeting").mkdir(parents=True)
    (recipe / "mirror" / "greeting" / "word").write_text("hello\n")
    return recipe


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def source(folder: Path, progress: Silent | None = None, **options: Any) -> BuildrootSource:
    given: dict[str, Any] = {"tree": str(TREE), "mirror": "mirror", "offline": True, "config": "app-glibc", **options}
    platform = Platform("linux", "amd64")
    context = Context(folder=folder, place="rootfs[0]", platform=platform, progress=progress or Silent())
    return BuildrootSource(BuildrootOptions(**given), context)


def built(folder: Path, store: Store, **options: Any) -> str:
    made = source(folder, **options)
    made.fetch(store)
    return listed(made.build(store))


def compiled(store: Store) -> list[str]:
    """What was compiled so far, in all workspaces together."""
    logs = store.root.glob("work/buildroot/*/output/built.log")
    return [line for log in logs for line in log.read_text().split()]


def test_an_edit_of_a_folder_that_is_buildroot_goes_on_in_the_same_workspace(
    folder: Path, store: Store, tmp_path: Path
) -> None:
    tree = shutil.copytree(TREE, tmp_path / "tree")
    options = {"tree": str(tree), "packages": ["greeting", "slow"]}
    built(folder, store, **options)
    assert len(compiled(store)) == 3
    (tree / "untracked").write_text("mine\n")
    built(folder, store, **options)
    assert len(compiled(store)) == 3
    (tree / "package/greeting").mkdir(parents=True)
    (tree / "package/greeting/greeting.mk").write_text("# mine\n")
    built(folder, store, **options)
    assert compiled(store)[3:] == ["greeting-1.0"]
    with (tree / "Makefile").open("a") as makefile:
        makefile.write("# mine\n")
    built(folder, store, **options)
    assert sorted(compiled(store)) == ["greeting-1.0", "skeleton-1.0", "slow-1.0"]


def test_a_toolchain_that_was_built_can_be_packed_by_a_script(folder: Path, store: Store) -> None:
    notes = Notes()
    made = source(folder, notes, toolchain="internal")
    made.fetch(store)
    made.build(store)
    [note] = [note for note in notes.notes if "pack its toolchain" in note]
    script = Path(note.split()[-2])
    assert script.is_file()
    assert note.endswith(" sdk")


class TestContract(SourceContract):
    @pytest.fixture
    def subject(self, folder: Path) -> Subject:
        fragment = folder / "buildroot-configs" / "mine.config"
        fragment.parent.mkdir()
        fragment.write_text("BR2_PACKAGE_GREETING=y\n")
        given: dict[str, Any] = {"tree": str(TREE), "mirror": "mirror", "offline": True}
        return Subject(
            BuildrootOptions(**given, config=["app-glibc", "mine"]),
            folder=folder,
            change=lambda: fragment.write_text("BR2_PACKAGE_GREETING=y\nBR2_PACKAGE_SLOW=y\n"),
            other=BuildrootOptions(**given, config="app-glibc", packages=["slow"]),
        )


def test_the_tree_is_what_buildroot_put_into_its_tar(folder: Path, store: Store) -> None:
    assert built(folder, store, packages=["greeting"]) == text("""
        d 0755 0:0 /etc
        f 0644 0:0 6 /etc/greeting
        f 0644 0:0 13 /etc/skeleton-1.0
    """)


def test_every_file_names_its_package_and_who_asked_for_it(folder: Path, store: Store) -> None:
    made = source(folder, packages=["greeting"])
    made.fetch(store)
    tree = made.build(store)
    reported = {
        path: " < ".join(f"{one.reason} {one.detail}" for one in tree[path].origins[0].chain()) for path in tree
    }
    assert reported[tree_path("/etc/greeting")] == "shipped in greeting 1.0 < asked for greeting (packages: greeting)"
    assert reported[tree_path("/etc/skeleton-1.0")] == (
        "shipped in skeleton 1.0 < needed by greeting 1.0 < asked for greeting (packages: greeting)"
    )


def test_what_did_not_change_is_not_built_again(folder: Path, store: Store) -> None:
    built(folder, store, packages=["greeting"])
    once = compiled(store)
    built(folder, store, packages=["greeting"])
    assert compiled(store) == once == ["skeleton-1.0", "greeting-1.0"]


@pytest.mark.parametrize("key", ["set", "make"])
def test_a_folder_that_is_named_by_its_whole_path_counts(key: str, folder: Path, store: Store, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    options: dict[str, Any] = {key: {"BR2_ROOTFS_OVERLAY": str(overlay)}}
    made = source(folder, **options)
    made.fetch(store)
    before = made.fingerprint(store)
    (overlay / "file").write_text("changed")
    assert made.fingerprint(store) != before


def test_another_folder_with_the_same_recipe_takes_the_result(folder: Path, store: Store, tmp_path: Path) -> None:
    first = built(folder, store, packages=["greeting"])
    shutil.copytree(folder, tmp_path / "copy")
    assert built(tmp_path / "copy", store, packages=["greeting"]) == first
    assert compiled(store) == ["skeleton-1.0", "greeting-1.0"]


def test_a_package_more_leaves_the_others_as_they_are(folder: Path, store: Store) -> None:
    built(folder, store, packages=["greeting"])
    more = built(folder, store, packages=["greeting", "slow"])
    assert "/etc/slow-1.0" in more
    assert compiled(store) == ["skeleton-1.0", "greeting-1.0", "slow-1.0"]


def test_a_package_that_is_left_out_leaves_the_image(folder: Path, store: Store) -> None:
    built(folder, store, packages=["greeting", "slow"])
    assert "/etc/slow-1.0" not in built(folder, store, packages=["greeting"])


def test_a_symbol_that_belongs_to_no_package_builds_from_the_start(folder: Path, store: Store) -> None:
    built(folder, store, packages=["greeting"])
    notes = Notes()
    made = source(folder, notes, packages=["greeting"], set={"BR2_OPTIMIZE_S": True})
    made.fetch(store)
    made.build(store)
    assert "BR2_OPTIMIZE_S changed: building from the start" in notes.notes
    assert compiled(store) == ["skeleton-1.0", "greeting-1.0"]  # its log began anew


def test_a_lost_symbol_is_named_with_what_it_needs(folder: Path, store: Store) -> None:
    with pytest.raises(ImageError) as caught:
        source(folder, packages=["picky", "greetin"]).fetch(store)
    assert caught.value.message.splitlines() == [
        "Buildroot's configuration did not take what was asked for:",
        "  BR2_PACKAGE_PICKY=y (packages: picky): it needs BR2_PACKAGE_LIBPICKY (which is not set) (Config.in:7)",
    ]


def test_a_source_that_the_mirror_lacks_is_named(folder: Path, store: Store) -> None:
    (folder / "mirror" / "greeting" / "word").unlink()
    with pytest.raises(DownloadError) as caught:
        source(folder, packages=["greeting"]).fetch(store)
    assert "the source of greeting-1.0 could not be had" in caught.value.message
    assert "No such file or directory" in caught.value.message
    assert "build.log" in caught.value.hint


def test_a_failing_package_is_told_with_step_reason_and_log_and_gets_built_once_it_can_be(
    folder: Path, store: Store
) -> None:
    failing = source(folder, packages=["greeting"], make={"FAIL": "1"})
    failing.fetch(store)
    with pytest.raises(CommandFailed) as caught:
        failing.build(store)
    assert caught.value.message == (
        "Buildroot failed to build greeting-1.0:\n  greeting.c:7:1: error: expected ';' before '}' token"
    )
    script = next(word for word in caught.value.hint.split() if word.endswith("make-output"))
    assert os.access(script, os.X_OK)
    assert "/etc/greeting" in built(folder, store, packages=["greeting"])


def test_build_of_a_recipe_that_changed_needs_fetch_only_for_what_is_not_there(folder: Path, store: Store) -> None:
    source(folder).fetch(store)
    assert "/etc/slow-1.0" in listed(source(folder, packages=["slow"]).build(store))
    with pytest.raises(NotFetched, match="has changed since it was fetched"):
        source(folder, packages=["greeting"]).build(store)


def test_the_whole_output_is_kept_in_the_log_of_the_context(folder: Path, store: Store, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "build.log"
    context = Context(folder=folder, place="rootfs[0]", platform=Platform("linux", "amd64"), log=log)
    made = BuildrootSource(BuildrootOptions(tree=str(TREE), config="app-glibc"), context)
    made.fetch(store)
    made.build(store)
    assert ">>> skeleton 1.0 Building" in log.read_text()


def test_configure_makes_the_configuration_that_build_uses(folder: Path, store: Store) -> None:
    outcome = source(folder, packages=["greeting"]).configure(store)
    assert "BR2_PACKAGE_GREETING=y\n" in outcome.config.read_text()
    assert str(outcome) == f"the configuration is {outcome.config}"


def test_a_change_in_the_menu_becomes_a_fragment_beside_the_recipe(folder: Path, store: Store) -> None:
    outcome = source(folder).configure(store, menu=True)
    fragment = folder / "buildroot-configs" / "menu.config"
    assert fragment.read_text() == "# Chosen in the menu of configure.\nBR2_PACKAGE_SLOW=y\n"
    assert str(outcome).splitlines() == [
        f"{fragment} now says:",
        "  BR2_PACKAGE_SLOW=y",
        "add menu to config: in the recipe, so that it counts",
    ]
    assert "/etc/slow-1.0" in built(folder, store, config=["app-glibc", "menu"])
    # Nothing new the second time.
    assert source(folder, config=["app-glibc", "menu"]).configure(store, menu=True).fragment is None


RUN = """
import sys
from pathlib import Path
from fromscratch.host.storage.store import Store
from tests.sources.buildroot.test_driver import source
made = source(Path(sys.argv[1]), packages=["greeting", "slow"], make={"PAUSE": sys.argv[3]})
made.fetch(Store(Path(sys.argv[2])))
made.build(Store(Path(sys.argv[2])))
"""


def launched(folder: Path, store: Store, pause: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", RUN, folder, store.root, pause], cwd=TREE.parents[3])
    deadline = time.monotonic() + 60
    while not any("slow 1.0 Building" in log.read_text() for log in store.root.glob("work/buildroot/*/build.log")):
        assert time.monotonic() < deadline, "slow never began"
        time.sleep(0.02)
    return process


@pytest.mark.slow
def test_a_killed_build_goes_on_where_it_was_and_gives_the_same(folder: Path, store: Store, tmp_path: Path) -> None:
    process = launched(folder, store, "1")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert compiled(store)[:2] == ["skeleton-1.0", "greeting-1.0"]
    notes = Notes()
    made = source(folder, notes, packages=["greeting", "slow"], make={"PAUSE": "1"})
    made.fetch(store)
    resumed = listed(made.build(store))
    # What the killed run left behind was waited for, not met.
    assert notes.notes[:1] == ["waiting for another build of the same to end"]
    assert compiled(store).count("greeting-1.0") == compiled(store).count("skeleton-1.0") == 1
    assert resumed == built(folder, Store(tmp_path / "fresh"), packages=["greeting", "slow"])


def test_an_interrupted_build_ends_all_it_started(folder: Path, store: Store) -> None:
    process = launched(folder, store, "4321")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True).stdout.decode()
    assert "sleep 4321" not in running


def test_a_defconfig_decides_on_the_platform(folder: Path, store: Store) -> None:
    (folder / "board_defconfig").write_text("BR2_aarch64=y\n")
    made = source(folder, config="board_defconfig")
    assert made.own_platform(store, bring=True) == Platform("linux", "arm64")
    assert source(folder, config="app-glibc").own_platform(store, bring=True) is None
    with pytest.raises(UsageError, match="builds for linux/arm64, but the image is to be for linux/amd64"):
        made.fetch(store)


def test_a_recipe_is_saved_as_one_defconfig(folder: Path, store: Store) -> None:
    (folder / "more").mkdir()
    made = source(
        folder,
        packages=["greeting"],
        set={"BR2_ROOTFS_OVERLAY": "$(FROMSCRATCH_FOLDER)/more"},
        busybox=["# CONFIG_VI is not set"],
    )
    said = str(made.save_configuration(store, folder / "whole_defconfig"))
    lines = (folder / "whole_defconfig").read_text().splitlines()
    assert "BR2_PACKAGE_GREETING=y" in lines
    assert f'BR2_ROOTFS_OVERLAY="{folder}/more"' in lines
    [fragments] = [line for line in lines if line.startswith("BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES=")]
    assert Path(fragments.partition("=")[2].strip('"')).read_text() == "# CONFIG_VI is not set\n"
    assert said.endswith(f"make BR2_DEFCONFIG={folder}/whole_defconfig defconfig")


@pytest.mark.parametrize("record", ["prepared.json", "attempt.json"])
@pytest.mark.parametrize("text", ["", '{"fingerprint": "', "[]", "{}"])
def test_a_record_that_is_cut_short_is_made_again(record: str, text: str, folder: Path, store: Store) -> None:
    first = built(folder, store, packages=["greeting"])
    [path] = store.root.glob(f"work/buildroot/*/{record}")
    path.write_text(text)
    more = built(folder, store, packages=["greeting", "slow"])
    path.write_text(text)
    assert more != first
    assert built(folder, store, packages=["greeting"]) == first

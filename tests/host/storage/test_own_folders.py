"""What a build writes is not part of what it reads: neither its output nor its store, nor the builds beside it."""

import json
from pathlib import Path

import pytest

from fromscratch.flow import evidence, output, slim_output
from fromscratch.host.storage.own_folders import WRITTEN, OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.proof import verdict
from fromscratch.sources.buildroot.content import content_digest
from tests.cli.command import Answer, Desk
from tests.cli.in_process import called

KINDS = {
    "overlay": "overlay: .",
    "directory": "directory: {path: ., owner: '0:0'}",
    "stage": "binaries: {stage: [.], etc: none}",
    "add": "binaries: {add: ['.:/srv'], etc: none}",
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "desk/downloads/store")
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: .}]\n")
    made.write("bin/app", "app\n")
    return made


def call(desk: Desk, *words: str) -> Answer:
    answer = called(desk.folder, *words, FROMSCRATCH_STORE=str(desk.store))
    assert answer.code == 0, answer
    return answer


def paths(desk: Desk, *words: str) -> list[str]:
    return [entry["path"] for entry in json.loads(call(desk, "ls", "--json", *words).out)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_contains_the_output_and_the_store_does_not_take_them(desk: Desk, kind: str) -> None:
    desk.write("fromscratch.yaml", f"name: demo\nrootfs: [{{{KINDS[kind]}}}]\n")
    images = []
    for _ in range(3):
        call(desk, "build")
        images.append((desk.folder / "build/demo/oci/index.json").read_bytes())
    assert images[0] == images[1] == images[2]
    assert not [path for path in paths(desk) if "/build" in path or "/downloads" in path]
    desk.write("bin/more", "more\n")  # so that it is built once more, and not found to be unchanged
    note = call(desk, "build").err
    assert note.count("left out") == 1
    assert "build, downloads are left out" in note


def test_only_what_builds_write_is_left_out_of_a_folder_with_other_things(desk: Desk) -> None:
    desk.write("build/notes.txt", "mine")
    desk.write("build/demo.txt", "mine")
    call(desk, "build")
    call(desk, "build")
    there = [path for path in paths(desk) if path.startswith("/build")]
    assert there == ["/build", "/build/demo.txt", "/build/notes.txt"]


def test_builds_of_other_recipes_do_not_grow_in_turn(desk: Desk) -> None:
    desk.write("other.yaml", "name: other\nrootfs: [{overlay: .}]\n")
    call(desk, "build")
    call(desk, "build", "--recipe", "other.yaml")
    call(desk, "build")
    assert not [path for path in paths(desk) if path.startswith("/build")]


def test_an_output_that_is_the_source_itself_loses_only_what_build_writes(desk: Desk) -> None:
    for _ in range(3):
        assert ".new-" not in call(desk, "build", "--output", ".").err
    assert paths(desk, "oci:oci") == ["/", "/bin", "/bin/app", "/fromscratch.yaml"]


def test_an_output_beside_the_source_is_none_of_its_business(desk: Desk) -> None:
    desk.write("files/build/demo/evidence.json", "mine")
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n")
    note = call(desk, "build", "--output", ".").err
    assert "/build/demo/evidence.json" in paths(desk, "oci:oci")
    assert "left out" not in note


def test_a_stage_of_bundle_that_contains_the_output_is_the_same_each_time(desk: Desk) -> None:
    desk.write("bin/app", "#!/bin/app\n").chmod(0o755)
    sizes = []
    for _ in range(2):
        call(
            desk,
            "bundle",
            "--stage",
            ".",
            "--name",
            "app",
            "--entrypoint",
            "/bin/app",
            "--with",
            "missing=/bin/app",
            "--start-check",
            "off",
        )
        sizes.append((desk.folder / "build/app/oci/index.json").read_bytes())
    assert sizes[0] == sizes[1]


def test_a_second_build_under_other_conditions_leaves_the_first_one_out(desk: Desk) -> None:
    assert "the same" in desk.answer("build", "--check")


def test_a_symlinked_output_is_the_folder_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "project/out").mkdir(parents=True)
    (tmp_path / "link").symlink_to("project/out")
    assert OwnFolders(written=(tmp_path / "link",)).within(tmp_path / "project") == {"/out": tmp_path / "project/out"}


def test_what_a_killed_build_left_in_its_own_folder_is_left_out_too(tmp_path: Path) -> None:
    left = [f".{name}.new-0123456789abcdef" for name in WRITTEN]
    for name in (*left, ".notes.new-0123456789abcdef", ".new-mine"):
        (tmp_path / name).touch()
    found = OwnFolders(written=(tmp_path,)).within(tmp_path)
    assert sorted(found) == sorted(f"/{name}" for name in (*WRITTEN, *left))


def test_output_knows_each_name_that_a_build_writes() -> None:
    of_builds = output.LAYOUT, evidence.NAME, output.DOCKERFILE, output.LOG, output.TRACE
    of_slim = slim_output.TRACE, slim_output.RECIPE, slim_output.REPORT, verdict.VERDICT
    assert sorted(WRITTEN) == sorted((*of_builds, *of_slim))


def test_a_tree_that_buildroot_builds_from_does_not_change_with_the_build(tmp_path: Path) -> None:
    store, tree = Store(tmp_path / "store"), tmp_path / "tree"
    tree.mkdir()
    (tree / "external.mk").touch()
    own = OwnFolders(written=(tree / "build/demo",))
    before = content_digest(tree, store, besides=own.names(tree))
    (tree / "build/demo").mkdir(parents=True)
    (tree / "build/demo/evidence.json").touch()
    assert content_digest(tree, store, besides=own.names(tree)) == before
    assert content_digest(tree, store) != before

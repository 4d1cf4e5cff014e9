"""The recipe of a call: the folder's own; the shipped one only for first steps, and never under a user's name."""

from pathlib import Path

import pytest

from tests.cli.command import Answer, Desk
from tests.cli.in_process import called

DELIVERING = [["push", "localhost:1/app:1"], ["import", "--tag", "app"], ["pack", "--to", "oci", "--output", "app"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "desk"
    made.mkdir()
    return made


def is_refused(answer: Answer, folder: Path, *words: str) -> None:
    assert answer.code == 2, answer
    assert answer.err.count(" hint: ") == 1
    for word in words:
        assert word in answer.err
    assert not (folder / "build").exists()
    assert not (folder / "app").exists()


@pytest.mark.parametrize("words", DELIVERING, ids=lambda words: words[0])
@pytest.mark.parametrize("before", [[], ["fetch", "build"]], ids=["alone", "chained"])
def test_the_shipped_recipe_is_never_brought_elsewhere(folder: Path, words: list[str], before: list[str]) -> None:
    is_refused(called(folder, *before, *words), folder, "there is no fromscratch.yaml in", str(folder), words[0])


def test_a_build_of_the_shipped_recipe_is_brought_elsewhere_when_it_is_named(folder: Path) -> None:
    for words in (["--recipe", "busybox"], ["--image", "oci:nowhere"]):
        answer = called(folder, "pack", "--to", "oci", "--output", "app", *words)
        assert "there is no fromscratch.yaml" not in answer.err, answer


@pytest.mark.parametrize(
    "name",
    [
        "fromscratch.yml",
        "Fromscratch.yaml",
        "FROMSCRATCH.YAML",
        ".fromscratch.yaml",
        "fromscratch.yaml.txt",
        "from-scratch.yml",
        "project/fromscratch.yaml",
        "../fromscratch.yaml",
    ],
)
def test_a_file_that_was_probably_meant_is_named(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("name: mine\nrootfs: [{overlay: files}]\n")
    is_refused(called(folder, "fetch", "build", "push", "localhost:1/app"), folder, f"did you mean {name}?")
    note = called(folder, "clean").err  # which reads the recipe, and builds nothing
    assert "this is the shipped recipe busybox" in note
    assert f"did you mean {name}?" in note


def test_a_link_that_leads_nowhere_is_no_absent_recipe(folder: Path) -> None:
    (folder / "fromscratch.yaml").symlink_to("../shared/app.yaml")
    for words in (["build"], ["fetch", "build", *DELIVERING[0]], ["clean"], ["ls", "--recipe", "fromscratch.yaml"]):
        is_refused(called(folder, *words), folder, "fix the link: ../shared/app.yaml")


def test_the_shipped_recipe_is_told_once_on_standard_error(folder: Path) -> None:
    answer = called(folder, "clean")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.count("this is the shipped recipe busybox") == 1
    assert called(folder, "clean", "--quiet").err == ""
    chained = called(folder, "clean", "ls")
    assert chained.err.count("this is the shipped recipe busybox") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["build", "--recipe="],
        ["build", "--output="],
        ["build", "--platform="],
        ["build", "--store-dir="],
        ["push", "localhost:1/app", "--image="],
        ["import", "--tag="],
        ["import", "--engine="],
        ["run", "--", ""],
        ["ls", ""],
        ["run", ""],
    ],
    ids=" ".join,
)
def test_an_empty_value_is_not_taken_for_none(tmp_path: Path, words: list[str]) -> None:
    desk = Desk(tmp_path / "desk", tmp_path / "store")
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n")
    desk.write("files/bin/app", "app\n")
    desk.answer("build")
    answer = called(desk.folder, *words)
    assert (answer.code, " is empty" in answer.err or "no recipe " in answer.err) == (2, True), answer

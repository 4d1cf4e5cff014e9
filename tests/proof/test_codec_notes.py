"""What fixes a layer's bytes besides the recipe and the store is the codec's version: a change of it is told."""

from pathlib import Path

import pytest

from fromscratch.formats.packing.codec import codec
from tests.cli.command import Desk
from tests.cli.in_process import called

NOW = codec("gzip").name.partition(" level ")[0]
RECIPE = "name: demo\nrootfs: [{overlay: files}]\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A folder in which an older library has built last, as its evidence tells."""
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.write("fromscratch.yaml", RECIPE)
    made.write("files/bin/app", "app\n")
    assert called(made.folder, "build").err == ""
    evidence = made.folder / "build/demo/evidence.json"
    evidence.write_text(evidence.read_text().replace(NOW, "gzip zlib-ng 1.9.9"))
    return made


def test_a_build_that_is_unchanged_tells_that_another_version_packed_it(desk: Desk) -> None:
    for _ in range(2):
        note = called(desk.folder, "build").err
        assert f"packed by gzip zlib-ng 1.9.9; {NOW}, which is what this machine has" in note


def test_a_build_tells_once_that_it_packs_otherwise_than_the_last(desk: Desk) -> None:
    desk.write("files/bin/app", "another\n")
    assert (
        f"packed by {NOW} now, and those of the last build were by gzip zlib-ng 1.9.9"
        in called(desk.folder, "build").err
    )
    desk.write("files/bin/app", "a third\n")
    assert called(desk.folder, "build").err == ""


def test_a_codec_that_the_recipe_chooses_is_no_news(desk: Desk) -> None:
    desk.write("fromscratch.yaml", f"{RECIPE}compression: none\n")
    assert called(desk.folder, "build").err == ""


def test_damaged_evidence_of_the_last_build_is_no_hindrance(desk: Desk) -> None:
    (desk.folder / "build/demo/evidence.json").write_text("{")
    assert called(desk.folder, "build").code == 0

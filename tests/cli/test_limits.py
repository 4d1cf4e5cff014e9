"""Bombs on the command line: the limit, the flag that allows more, and nothing left behind."""

import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.command import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, size in (("zeros", 3 << 20), ("more", 3 << 20)):
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(bytes(size)))
    made.folder.mkdir(exist_ok=True)
    (made.folder / "bomb.tar.gz").write_bytes(gzip.compress(stream.getvalue()))
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{tarball: {path: bomb.tar.gz}}]\n")
    return made


def derived(desk: Desk) -> list[Path]:
    return [path for path in (desk.store / "derived").rglob("*") if path.is_file()]


@pytest.mark.parametrize("verb", [("build",), ("ls", "tar:bomb.tar.gz")])
def test_what_expands_to_more_than_is_allowed_is_stopped(desk: Desk, verb: tuple[str, ...]) -> None:
    answer = desk.call(*verb, "--max-expanded", "5M")
    assert (answer.code, answer.out) == (1, "")
    assert "bomb.tar.gz expands to more than 5 MiB in all\n hint: " in answer.err
    assert "--max-expanded SIZE" in answer.err
    assert derived(desk) == []
    assert not (desk.folder / "build/demo/oci").exists()
    desk.answer(*verb, "--max-expanded", "7M")
    assert len(derived(desk)) == 1


@pytest.mark.parametrize("verb", [("build",), ("ls", "tar:bomb.tar.gz")])
def test_more_entries_than_are_allowed_are_too_many(desk: Desk, verb: tuple[str, ...]) -> None:
    answer = desk.call(*verb, "--max-entries", "2")
    assert (answer.code, "bomb.tar.gz has more than 2 entries" in answer.err) == (1, True), answer.err
    assert "--max-entries N" in answer.err
    desk.answer(*verb, "--max-entries", "3")


def test_the_environment_says_it_too_and_the_option_counts_more(desk: Desk) -> None:
    small = replace(desk, variables={"FROMSCRATCH_MAX_EXPANDED": "5M"})
    answer = small.call("build")
    assert (answer.code, "5 MiB" in answer.err) == (1, True)
    small.answer("build", "--max-expanded", "7M", "--output", "elsewhere")
    few = replace(desk, variables={"FROMSCRATCH_MAX_ENTRIES": "1"}).call("build")
    assert (few.code, "more than one entry" in few.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--max-expanded", "much"), "--max-expanded much: it is not a size"),
        (("--max-entries", "0"), "not a number of entries"),
    ],
)
def test_what_is_no_limit_is_a_wrong_call(desk: Desk, words: tuple[str, ...], message: str) -> None:
    answer = desk.call("build", *words)
    assert (answer.code, message in answer.err) == (2, True)


def test_a_chain_shares_the_limits(desk: Desk) -> None:
    assert desk.call("fetch", "build", "--max-expanded", "5M").code == 1
    assert desk.call("fetch", "--max-expanded", "5M", "build").code == 1
    assert desk.call("fetch", "--max-expanded", "7M", "build").code == 0

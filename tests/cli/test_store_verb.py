"""`store path`, `store check`, `store prune`: one verb, whose operand says what to do."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.host.storage.store import Store
from tests.cli.command import Desk, invoke_in_checkout
from tests.cli.test_rot import flip

OLD = 1_000_000_000.0


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.folder.mkdir()
    return made


def fill(desk: Desk) -> tuple[Path, Path, Path]:
    """A blob, what is derived of it, and a folder of builds."""
    store = Store(desk.store)
    digest = store.add(b"x" * 1000)
    derived = store.derived(digest, "tar", lambda blob, target: target.write_bytes(b"y" * 3000))
    place = store.workspace("buildroot", "some build")
    (place / "output").mkdir()
    (place / "output/image").write_bytes(b"z" * 100_000)
    store.write_record("kind", "key", b"fact")
    return store.path(digest), derived, place


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (OLD, OLD))


def kinds(answer: str, key: str = "removed") -> list[str]:
    return sorted(part["kind"] for part in json.loads(answer)[key])


def test_the_path_is_told_by_either_command(desk: Desk) -> None:
    assert desk.answer("store", "path") == f"{desk.store}\n"
    assert json.loads(desk.answer("store", "path", "--json")) == {"path": str(desk.store)}
    assert desk.call("store", "path", program=invoke_in_checkout()).out == f"{desk.store}\n"
    assert not desk.store.exists()


def test_a_whole_store_passes_and_an_empty_one_too(desk: Desk) -> None:
    assert "0 parts" in desk.answer("store", "check")
    fill(desk)
    said = json.loads(desk.answer("store", "check", "--json"))
    assert (said["parts"], said["damaged"]) == (5, [])


def test_what_is_damaged_is_told_and_removed_when_asked(desk: Desk) -> None:
    blob, derived, _ = fill(desk)
    records = list(desk.store.glob("records/kind/*"))
    for path in (blob, derived, *records):
        flip(path, 5)
    answer = desk.call("store", "check")
    assert (answer.code, answer.err.count("error: "), "--repair" in answer.err) == (1, 1, True)
    assert kinds(desk.answer("store", "check", "--repair", "--json"), "damaged") == ["blob", "derived", "record"]
    assert not any(path.exists() for path in (blob, derived, *records))
    assert json.loads(desk.answer("store", "check", "--json"))["damaged"] == []


def test_what_was_long_of_no_use_is_pruned(desk: Desk) -> None:
    blob, derived, place = fill(desk)
    age(blob, place, *desk.store.glob("seen/*"))
    answer = desk.answer("store", "prune", "--older-than", "30d", "--json")
    assert kinds(answer) == ["blob", "workspace"]
    assert (blob.exists(), derived.exists(), place.exists()) == (False, True, False)
    assert list(desk.store.glob("records/kind/*")), "records stay"


def test_what_an_image_was_made_of_lately_is_not_old(desk: Desk) -> None:
    blob, _, _ = fill(desk)
    age(blob, *desk.store.glob("seen/*"))
    time.sleep(0.05)  # more than a tick of the filesystem's clock: what has changed later is never remembered
    Store(desk.store).path(Digest.of(b"x" * 1000))
    assert kinds(desk.answer("store", "prune", "--older-than", "30d", "--json")) == []
    assert blob.exists()


def test_the_longest_unused_goes_first_until_the_size_is_kept(desk: Desk) -> None:
    blob, derived, place = fill(desk)
    age(place, *desk.store.glob("seen/*"))
    assert kinds(desk.answer("store", "prune", "--keep-size", "20K", "--json")) == ["workspace"]
    assert (blob.exists(), derived.exists()) == (True, True)
    desk.answer("store", "prune", "--keep-size", "0")
    assert (blob.exists(), derived.exists()) == (False, False)


def test_nothing_is_pruned_while_another_process_works_with_the_store_or_in_a_folder_of_it(desk: Desk) -> None:
    _, _, place = fill(desk)
    age(place)
    held = (
        "import sys; from pathlib import Path; from fromscratch.host.storage.store import Store\n"
        "from fromscratch.host.storage.inherited_lock import inherited_lock\n"
        "store = Store(Path(sys.argv[1])); store.record('a', 'b') if sys.argv[2] == 'store' else None\n"
        "with inherited_lock(Path(sys.argv[3]), lambda: None): print('held', flush=True); sys.stdin.read()"
    )
    for what in ("store", "folder"):
        argv = [sys.executable, "-c", held, str(desk.store), what, str(place / "lock")]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"held\n"
            answer = desk.call("store", "prune", "--older-than", "30d")
            assert answer.code == (what == "store"), answer.err
            assert place.exists()
            process.kill()
    age(place)
    desk.answer("store", "prune", "--older-than", "30d")
    assert not place.exists()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("store",), "store check"),
        (("store", "chekc"), "store check"),
        (("store", "path", "--repair"), "store check --repair"),
        (("store", "check", "--older-than", "3d"), "store prune"),
        (("store", "prune"), "--older-than 30d"),
        (("store", "prune", "--older-than", "3 moons"), "--older-than 30d"),
        (("store", "prune", "--keep-size", "much"), "--keep-size 10G"),
    ],
)
def test_a_wrong_call_is_told_with_the_right_one(desk: Desk, words: tuple[str, ...], hint: str) -> None:
    answer = desk.call(*words)
    assert (answer.code, answer.err.count("error: "), hint in answer.err) == (2, 1, True), answer.err


def test_a_folder_that_is_no_store_is_never_pruned(desk: Desk) -> None:
    desk.store.mkdir()
    (desk.store / "thesis.tex").touch()
    assert desk.call("store", "prune", "--keep-size", "0").code == 1
    assert (desk.store / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("variables", "store"),
    [
        ({"XDG_CACHE_HOME": "/caches"}, "/caches/fromscratch"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/me"}, "/home/me/.cache/fromscratch"),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache/fromscratch"),
        ({"XDG_CACHE_HOME": "/caches", "FROMSCRATCH_STORE": "/mine"}, "/mine"),
    ],
)
def test_the_store_is_in_the_cache_of_the_user_if_nobody_says_another(
    desk: Desk, variables: dict[str, str], store: str
) -> None:
    desk.variables.update({"FROMSCRATCH_STORE": "", **variables})
    assert desk.answer("store", "path") == f"{store}\n"

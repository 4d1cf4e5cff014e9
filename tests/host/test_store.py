"""The store: bytes by their digest, safe between processes, whole or not there."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, NotFetched
from fromscratch.host.store import GivenUp, Store

PRELUDE = """
import os, sys, time
from pathlib import Path
from fromscratch.digest import Digest
from fromscratch.host.store import Store
store = Store(Path(sys.argv[1]))
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def child(store: Store, script: str, *words: str) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-c", PRELUDE + script, str(store.root), *words]
    return subprocess.Popen(argv, stdout=subprocess.PIPE)


def outcome(process: "subprocess.Popen[bytes]") -> bytes:
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return out


def files(store: Store) -> list[str]:
    return sorted(
        str(path.relative_to(store.root))
        for path in store.root.rglob("*")
        if path.is_file() and path.parent.name != "locks" and path.name != "CACHEDIR.TAG"
    )


# Blobs


def test_bytes_are_kept_under_their_digest(store: Store) -> None:
    digest = store.add(b"hello")
    assert digest == Digest("sha256", hashlib.sha256(b"hello").hexdigest())
    assert store.has(digest)
    assert store.read(digest) == b"hello"
    with store.open(digest) as stream:
        assert stream.read() == b"hello"
    assert files(store) == [f"blobs/sha256/{digest.hex}"]


def test_a_stream_is_kept_from_where_it_stands(store: Store) -> None:
    stream = io.BytesIO(b"skipped" + b"x" * 3_000_000)
    stream.seek(7)
    assert store.add_stream(stream) == Digest.of(b"x" * 3_000_000)
    assert len(files(store)) == 1


def test_what_is_not_there_names_what_to_do(store: Store) -> None:
    digest = Digest.of(b"never seen")
    assert not store.has(digest)
    with pytest.raises(NotFetched, match=str(digest)) as caught:
        store.path(digest)
    assert "fetch" in caught.value.hint
    assert not store.root.exists()


def test_a_bad_blob_can_be_forgotten(store: Store) -> None:
    digest = store.add(b"bad")
    store.discard(digest)
    store.discard(digest)
    assert not store.has(digest)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o644)])
def test_blobs_are_for_all_whom_the_umask_allows(store: Store, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        digests = [store.add(b"a"), store.add_stream(io.BytesIO(b"b"))]
        made = store.derived(digests[0], "copy", lambda blob, target: target.write_bytes(blob.read_bytes()) and None)
        store.write_record("kind", "key", b"fact")
    finally:
        os.umask(before)
    paths = [*(store.path(digest) for digest in digests), made, *store.root.glob("records/*/*")]
    assert [path.stat().st_mode & 0o777 for path in paths] == [mode] * 4


def test_several_processes_may_add_the_same_at_once(store: Store) -> None:
    script = "data = os.urandom(0) + b'x' * 5_000_000\nfor _ in range(5): print(store.add(data)); store.discard"
    processes = [child(store, script) for _ in range(4)]
    said = {outcome(process) for process in processes}
    digest = Digest.of(b"x" * 5_000_000)
    assert said == {f"{digest}\n".encode() * 5}
    assert files(store) == [f"blobs/sha256/{digest.hex}"]


def test_a_killed_writer_leaves_nothing_under_a_final_name(store: Store) -> None:
    script = """
class Stream:
    def read(self, size):
        print("reading", flush=True)
        time.sleep(0.01)
        return b"x" * 100_000
store.add_stream(Stream())
"""
    with child(store, script) as process:
        assert process.stdout
        for _ in range(3):
            assert process.stdout.readline()
        process.kill()
    [left] = files(store)
    assert left.startswith("partial/new-")
    store.tidy()
    assert files(store) == [left], "it may still be written to"
    day = time.time() - 25 * 3600
    os.utime(store.root / left, (day, day))
    store.tidy()
    assert files(store) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=50)))
def test_all_that_was_added_is_there(store: Store, blobs: list[bytes]) -> None:
    assert [store.read(store.add(blob)) for blob in blobs] == blobs


# Records


@pytest.mark.parametrize("key", ["http://example.invalid/a?b", "../../etc/passwd", "", "x" * 5000, "caf\udce9", "a\0b"])
def test_a_record_comes_back_as_it_was(store: Store, key: str) -> None:
    assert store.record("kind", key) is None
    store.write_record("kind", key, b"one")
    store.write_record("kind", key, b"two\0\xff")
    assert store.record("kind", key) == b"two\0\xff"
    assert store.record("kind", key + "x") is None
    assert store.record("other", key) is None
    assert all(name.startswith("records/kind/") for name in files(store))


# What is made of blobs


def test_what_is_derived_is_made_once(store: Store) -> None:
    digest = store.add(b"archive")
    calls = []

    def make(blob: Path, target: Path) -> None:
        calls.append(blob)
        target.write_bytes(blob.read_bytes().upper())

    paths = [store.derived(digest, "upper", make) for _ in range(3)]
    assert [path.read_bytes() for path in paths] == [b"ARCHIVE"] * 3
    assert calls == [store.path(digest)]


def test_a_folder_may_be_derived(store: Store) -> None:
    def make(blob: Path, target: Path) -> None:
        target.unlink()
        (target / "inner").mkdir(parents=True)

    assert (store.derived(store.add(b"x"), "tree", make) / "inner").is_dir()
    assert os.listdir(store.root / "partial") == []


@pytest.mark.parametrize("folder", [False, True])
def test_a_failure_leaves_nothing_that_is_derived(store: Store, folder: bool) -> None:
    digest = store.add(b"x")

    def fail(blob: Path, target: Path) -> None:
        if folder:
            target.unlink()
            (target / "inner").mkdir(parents=True)
            (target / "inner").chmod(0o500)
        raise ImageError("the archive is cut")

    with pytest.raises(ImageError, match="the archive is cut"):
        store.derived(digest, "kind", fail)
    assert files(store) == [f"blobs/sha256/{digest.hex}"]
    assert os.listdir(store.root / "partial") == []
    assert store.derived(digest, "kind", lambda blob, target: None).read_bytes() == b""


def test_derived_of_nothing_is_not_made(store: Store) -> None:
    with pytest.raises(NotFetched):
        store.derived(Digest.of(b"never seen"), "kind", lambda blob, target: None)


def test_several_processes_derive_it_once(store: Store) -> None:
    digest = store.add(b"archive")
    script = """
def make(blob, target):
    print("made", flush=True)
    time.sleep(0.2)
    target.write_bytes(b"whole")
path = store.derived(Digest.parse(sys.argv[2]), "kind", make)
assert path.read_bytes() == b"whole"
"""
    processes = [child(store, script, str(digest)) for _ in range(4)]
    assert b"".join(outcome(process) for process in processes) == b"made\n"


# Locks

HOLD = """
with store.lock("name"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(store: Store) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-c", PRELUDE + HOLD, str(store.root)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_waits_for_another_process_and_says_so_once(store: Store) -> None:
    waits = []
    with holder(store) as process:

        def waiting() -> None:
            waits.append(process.poll())
            assert process.stdin
            process.stdin.close()

        with store.lock("name", waiting):
            assert process.wait(10) == 0
    assert waits == [None]
    with store.lock("name", waiting):
        assert waits == [None]


def test_a_killed_holder_frees_its_lock(store: Store) -> None:
    with holder(store) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with store.lock("name", lambda: pytest.fail("nobody holds it")):
            pass


def test_other_names_are_other_locks(store: Store) -> None:
    with store.lock("one"), store.lock("two", lambda: pytest.fail("nobody holds it")):
        pass


def test_a_lock_keeps_threads_apart_too(store: Store) -> None:
    inside: list[str] = []

    def work() -> None:
        for _ in range(20):
            with store.lock("name"):
                inside.append("in")
                time.sleep(0)
                inside.append("out")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == ["in", "out"] * 60


def test_a_wait_can_be_given_up(store: Store) -> None:
    with holder(store) as process:
        asked = []

        def enough() -> bool:
            asked.append(1)
            return len(asked) > 1

        with pytest.raises(GivenUp), store.lock("name", give_up=enough):
            pytest.fail("it is held elsewhere")
        process.kill()


def test_a_lock_is_free_again_after_a_failure(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lock("name"):
        raise ZeroDivisionError
    with store.lock("name", lambda: pytest.fail("nobody holds it")):
        pass


# The folder itself


def test_the_same_key_has_the_same_workspace(store: Store) -> None:
    first = store.workspace("buildroot", "a/../b")
    (first / "file").touch()
    assert store.workspace("buildroot", "a/../b") == first
    assert store.workspace("buildroot", "other") != first
    assert first.is_relative_to(store.root / "work" / "buildroot")


def test_a_store_is_cleared_with_all_in_it(store: Store) -> None:
    digest = store.add(b"x")
    store.derived(digest, "kind", lambda blob, target: None)
    store.write_record("kind", "key", b"fact")
    stubborn = store.workspace("kind", "key") / "cache"
    stubborn.mkdir()
    (stubborn / "file").touch()
    stubborn.chmod(0o500)
    with store.lock("name"):
        pass
    store.clear()
    assert not store.root.exists()
    store.clear()
    assert store.read(store.add(b"x")) == b"x"


def test_an_empty_folder_may_be_cleared(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    Store(tmp_path / "store").clear()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("content", ["blobs/sha256/abc", "file", "records/http/abc", "blobs/sha256/abc index.json"])
def test_a_folder_that_is_no_store_is_never_cleared(tmp_path: Path, content: str) -> None:
    for name in content.split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ImageError, match="does not look like a store"):
        Store(tmp_path).clear()
    assert all((tmp_path / name).exists() for name in content.split())


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(ImageError, match=r"cannot read .*/store"):
        Store(tmp_path / "store").clear()


def test_a_store_that_holds_something_else_is_not_cleared(store: Store) -> None:
    digest = store.add(b"x")
    (store.root / "thesis.tex").touch()
    with pytest.raises(ImageError, match=r"it holds 'thesis\.tex'"):
        store.clear()
    assert store.has(digest)


def test_backup_programs_are_told_that_it_is_a_cache(store: Store) -> None:
    store.add(b"x")
    assert (store.root / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")


def test_a_store_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for call in (
        lambda store: store.add(b"x"),
        lambda store: store.add_stream(io.BytesIO(b"x")),
        lambda store: store.write_record("kind", "key", b""),
        lambda store: store.workspace("kind", "key"),
        lambda store: store.partial("key"),
        lambda store: store.lock("name").__enter__(),
    ):
        with pytest.raises(ImageError) as caught:
            call(Store(tmp_path / "file" / "store"))
        assert caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_of_someone_else_can_be_read(store: Store) -> None:
    digest = store.add(b"x")
    made = store.derived(digest, "kind", lambda blob, target: None)
    folders = [store.root, *(path for path in store.root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert store.read(digest) == b"x"
        assert store.derived(digest, "kind", lambda blob, target: None) == made
        with pytest.raises(ImageError, match="Permission denied"):
            store.add(b"y")
    finally:
        for folder in folders:
            folder.chmod(0o755)

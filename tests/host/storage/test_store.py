"""The store: bytes by their digest, safe between processes, whole or not there."""

import fcntl
import gc
import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, NotFetched
from fromscratch.host.storage import disk, store_maintenance
from fromscratch.host.storage.store import GivenUp, Store

PRELUDE = """
import os, sys, time
from pathlib import Path
from fromscratch.digest import Digest
from fromscratch.host.storage.store import Store
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
        if path.is_file() and path.parent.name not in ("locks", "seen") and path.name != "CACHEDIR.TAG"
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
        made = store.derived(digests[0], "copy", lambda blob, target: target.write_bytes(blob.read_bytes()))
        store.write_record("kind", "key", b"fact")
    finally:
        os.umask(before)
    paths = [*(store.path(digest) for digest in digests), made, *store.root.glob("records/kind/*")]
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
    assert left.startswith("partial/")
    digest = store.add(b"the next one sweeps")
    assert files(store) == [f"blobs/sha256/{digest.hex}"]


def test_what_another_process_is_writing_is_not_swept(store: Store) -> None:
    script = "with store.temporary(): print('writing', flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", PRELUDE + script, str(store.root)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"writing\n"
        digest = store.add(b"x")
        assert len(files(store)) == 2
        process.kill()
    store.add(b"y")
    assert store.has(digest)
    assert len(files(store)) == 2


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


def test_a_failure_leaves_nothing_that_is_derived(store: Store) -> None:
    digest = store.add(b"x")

    def fail(blob: Path, target: Path) -> None:
        target.with_name("aside").touch()
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

LOCK_HOLDER = """
with store.lock("name"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(store: Store) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-c", PRELUDE + LOCK_HOLDER, str(store.root)]
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


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_on_a_new_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquired: list[int] = []
    flock = fcntl.flock

    def late(handle: int, how: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.parent.name == "locks":
            if not acquired:
                path.unlink()
            acquired.append(handle)
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with store.lock("name"):
        [path] = (store.root / "locks").iterdir()
        assert len(acquired) == 2
        assert os.path.samestat(path.stat(), os.fstat(acquired[-1]))


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


@pytest.mark.parametrize("moment", ["mkdir", "tag", "folders", "end"])
def test_a_start_or_a_clearing_that_was_killed_does_not_keep_it_from_being_cleared(store: Store, moment: str) -> None:
    match moment:
        case "mkdir":
            store.root.mkdir()
        case "tag":
            store.root.mkdir()
            (store.root / ".CACHEDIR.TAG.new-0123456789abcdef").write_bytes(b"Signa")
        case "folders":
            Store(store.root).add(b"x")
            disk.remove(store.root / "blobs")
        case _:
            Store(store.root).add(b"x")
            disk.remove(store.root)
            store.root.mkdir()
    store.clear()
    assert not store.root.exists()


def test_a_store_that_another_process_works_with_is_not_cleared(store: Store) -> None:
    store.add(b"x")
    with holder(store) as process:
        with pytest.raises(ImageError, match="another process works with"):
            store.clear()
        assert store.has(Digest.of(b"x"))
        process.kill()
    store.clear()
    assert not store.root.exists()


def test_processes_that_start_while_it_is_cleared_begin_another_one(store: Store) -> None:
    script = """
for number in range(60):
    try:
        store = Store(Path(sys.argv[1]))
        store.add(b"%d" % number)
    except ImageError as error:
        assert "another process works with" in str(error), error
    try:
        Store(Path(sys.argv[1])).clear()
    except ImageError as error:
        assert "another process works with" in str(error), error
"""
    processes = [child(store, "from fromscratch.errors import ImageError\n" + script) for _ in range(3)]
    for process in processes:
        outcome(process)
    Store(store.root).clear()
    assert not store.root.exists()


# Damage


def flip(path: Path, place: int = 0) -> None:
    """One byte other than it was, with the same size and the same time."""
    state = path.stat()
    data = bytearray(path.read_bytes())
    data[place] ^= 0x20
    path.write_bytes(data)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def settled(store: Store, digest: Digest) -> None:
    """Let the file be older than a tick of the filesystem's clock, and be remembered as whole."""
    while not any((store.root / "seen").glob("*")):
        time.sleep(0.005)
        assert store.has(digest)


def test_a_blob_with_one_byte_flipped_counts_as_none_until_it_is_brought_again(store: Store) -> None:
    digest = store.add(b"hello")
    settled(store, digest)
    assert Store(store.root).has(digest)
    flip(store.path(digest))
    assert not store.has(digest)
    assert not Store(store.root).has(digest)
    with pytest.raises(NotFetched, match="damaged") as caught:
        store.open(digest)
    assert "fetch again" in caught.value.hint
    assert store.add(b"hello") == digest
    assert store.read(digest) == b"hello"


def test_what_is_known_to_be_whole_is_not_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = store.add(b"hello")
    settled(store, digest)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("it was read"))
    assert store.has(digest)
    assert Store(store.root).has(digest)


def test_what_is_derived_is_made_again_when_it_is_damaged_or_nothing_is_known_of_it(store: Store) -> None:
    digest = store.add(b"archive")
    calls = []

    def make(blob: Path, target: Path) -> None:
        calls.append(1)
        target.write_bytes(blob.read_bytes().upper())

    flip(store.derived(digest, "upper", make))
    assert store.derived(digest, "upper", make).read_bytes() == b"ARCHIVE"
    assert len(calls) == 2
    for record in store.root.glob("records/derived-upper/*"):
        record.unlink()
    assert store.derived(digest, "upper", make).read_bytes() == b"ARCHIVE"
    assert len(calls) == 3


@pytest.mark.parametrize("place", [0, 10, 70, 75])
def test_a_record_with_one_byte_flipped_is_none(store: Store, place: int) -> None:
    store.write_record("kind", "key", b"a fact of some length")
    [path] = store.root.glob("records/kind/*")
    flip(path, place)
    assert store.record("kind", "key") is None


def test_a_record_under_the_name_of_another_is_none(store: Store) -> None:
    store.write_record("kind", "one", b"fact")
    [one] = store.root.glob("records/kind/*")
    store.write_record("kind", "two", b"other")
    [two] = set(store.root.glob("records/kind/*")) - {one}
    two.write_bytes(one.read_bytes())
    assert (store.record("kind", "one"), store.record("kind", "two")) == (b"fact", None)


@pytest.mark.parametrize("instead", ["a folder", "a pipe", "nothing"])
def test_something_else_in_the_place_of_a_blob_is_none(store: Store, instead: str) -> None:
    path = store.path(store.add(b"x"))
    path.unlink()
    if instead == "a folder":
        path.mkdir()
    elif instead == "a pipe":
        os.mkfifo(path)
    assert not store.has(Digest.of(b"x"))


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
    with pytest.raises(ImageError, match="does not look like a store"):
        store_maintenance.check(Store(tmp_path), repair=True)
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
    calls: tuple[Callable[[Store], object], ...] = (
        lambda store: store.add(b"x"),
        lambda store: store.add_stream(io.BytesIO(b"x")),
        lambda store: store.write_record("kind", "key", b""),
        lambda store: store.workspace("kind", "key"),
        lambda store: store.partial("key"),
        lambda store: store.lock("name").__enter__(),
    )
    for call in calls:
        with pytest.raises(ImageError) as caught:
            call(Store(tmp_path / "file" / "store"))
        assert caught.value.hint


# A store that cannot be written


@pytest.fixture
def closed(store: Store) -> Iterator[Store]:
    """A store of somebody else, or on a filesystem that is read-only, with one blob and what is made of it."""
    digest = store.add(b"x")
    store.derived(digest, "kind", lambda blob, target: target.write_bytes(b"made"))
    store.write_record("kind", "key", b"fact")
    (store.workspace("kind", "key") / "finished").write_bytes(b"done")
    with unwritable(store.root):
        yield Store(store.root)


@contextmanager
def unwritable(root: Path) -> Iterator[None]:
    """Root may write into any folder: for it, writing is refused as access(2) tells of a read-only filesystem."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    user = os.geteuid()
    for parent in root.parents:
        if parent.owner() == "root" and parent != Path("/") and user == 0 and not parent.stat().st_mode & 1:
            parent.chmod(parent.stat().st_mode | 0o011)
    for folder in folders:
        folder.chmod(0o555)
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for folder in folders:
            folder.chmod(0o755)


def test_it_can_be_read_and_what_is_made_on_the_way_lands_elsewhere(closed: Store) -> None:
    digest = Digest.of(b"x")
    before = files(closed)
    assert closed.read(digest) == b"x"
    assert closed.record("kind", "key") == b"fact"
    assert closed.derived(digest, "kind", lambda blob, target: pytest.fail("it is there")).read_bytes() == b"made"
    other = closed.derived(digest, "other", lambda blob, target: target.write_bytes(b"more"))
    assert other.read_bytes() == b"more"
    assert closed.derived(digest, "other", lambda blob, target: pytest.fail("it is there")) == other
    assert closed.read(closed.add(b"y")) == b"y"
    assert (closed.workspace("kind", "key") / "finished").read_bytes() == b"done"
    assert closed.workspace("kind", "new").is_dir()
    with closed.lock("name"):
        pass
    assert files(closed) == before
    assert not other.is_relative_to(closed.root)


def test_what_was_made_beside_it_is_gone_with_the_process(closed: Store) -> None:
    store = Store(closed.root)
    elsewhere = store.path(store.add(b"y"))
    assert elsewhere.exists()
    del store
    gc.collect()
    assert not elsewhere.exists()


def test_what_is_to_last_is_refused(closed: Store) -> None:
    with pytest.raises(ImageError, match="Permission denied"):
        closed.without_fallback().add(b"y")

"""Results grow beside their place: swept when their writer was killed, and never while it lives."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fromscratch.errors import ImageError
from fromscratch.host.storage import disk, staged_folder

WRITE_FILE = """
with disk.atomic(place) as stream:
    stream.write(b"x" * 1_000_000)
    stream.flush()
    {then}
"""
WRITE_FOLDER = """
with staged_folder.staged(place) as fresh:
    (fresh / "file").write_bytes(b"x" * 1_000_000)
    {then}
"""
WRITERS = pytest.mark.parametrize("write", [WRITE_FILE, WRITE_FOLDER], ids=["file", "folder"])
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"
WAITING = "print('there', flush=True); sys.stdin.read()"
PRELUDE = (
    "import os, signal, sys; from pathlib import Path; from fromscratch.host.storage import disk\n"
    "from fromscratch.host.storage import staged_folder\n"
)


def script(write: str, then: str) -> list[str]:
    return [sys.executable, "-c", f"{PRELUDE}place = Path(sys.argv[1])\n{write.format(then=then)}"]


def rest(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@WRITERS
@pytest.mark.parametrize("name", ["image.tar", "[image]*.tar", "é" * 127])
def test_what_a_killed_writer_left_is_gone_after_the_next_one(tmp_path: Path, write: str, name: str) -> None:
    for _ in range(3):
        done = subprocess.run([*script(write, KILLED), tmp_path / name], check=False)
        assert done.returncode == -signal.SIGKILL
        assert len(rest(tmp_path)) == 1, "the last one's only"
    disk.write_atomically(tmp_path / name, b"whole")
    assert rest(tmp_path) == [name]


@WRITERS
def test_what_another_process_writes_to_the_same_place_stays(tmp_path: Path, write: str) -> None:
    with subprocess.Popen(
        [*script(write, WAITING), tmp_path / "place"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"there\n"
        [growing] = rest(tmp_path)
        disk.write_atomically(tmp_path / "place", b"whole")
        assert rest(tmp_path) == sorted([growing, "place"])
        other.kill()


def test_other_files_beside_the_place_are_never_swept(tmp_path: Path) -> None:
    others = [
        ".place.new-",
        ".place.new-design",
        ".place.new-0123456789abcdeF",
        ".other.new-0123456789abcdef",
        ".new-1",
    ]
    for name in others:
        (tmp_path / name).touch()
    disk.write_atomically(tmp_path / "place", b"whole")
    assert rest(tmp_path) == sorted([*others, "place"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_where_everybody_may_write_nothing_of_others_is_swept(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    left = tmp_path / ".place.new-0123456789abcdef"
    left.touch()
    os.chown(left, 65534, 65534)
    disk.write_atomically(tmp_path / "place", b"x")
    assert left.exists() is (mode == 0o1777)


def test_the_folder_of_a_writer_that_was_killed_between_two_renames_comes_back(tmp_path: Path) -> None:
    """On a filesystem that cannot exchange two folders in one step."""
    (tmp_path / ".place.new-0123456789abcdef").mkdir()
    (tmp_path / ".place.new-0123456789abcdef.old").mkdir()
    (tmp_path / ".place.new-0123456789abcdef.old/before").touch()
    with staged_folder.staged(tmp_path / "place"):
        assert rest(tmp_path / "place") == ["before"]
    assert rest(tmp_path) == ["place"]


def make_folder(place: Path) -> None:
    with staged_folder.staged(place) as fresh:
        staged_folder.swap_in(fresh, place)


MAKERS = pytest.mark.parametrize("make", [make_folder, lambda place: disk.write_atomically(place, b"x")])


@MAKERS
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_filesystem_without_locks_can_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], number: int
) -> None:
    refuse(monkeypatch, number)
    make(tmp_path / "place")
    assert rest(tmp_path) == ["place"]


@MAKERS
@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EIO])
def test_a_lock_that_is_never_given_ends_in_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], number: int
) -> None:
    refuse(monkeypatch, number)
    with pytest.raises((OSError, ImageError)):
        make(tmp_path / "place")
    assert rest(tmp_path) == []


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)


@pytest.mark.parametrize("umask", [0o477, 0o777])
def test_an_umask_that_takes_ones_own_rights_is_named(umask: int) -> None:
    with tempfile.TemporaryDirectory() as folder, as_an_ordinary_user(Path(folder), umask):
        place = Path(folder, "place")
        with pytest.raises(ImageError) as caught, disk.explained(place):
            make_folder(place)
        assert "umask 022" in caught.value.hint
        assert os.listdir(folder) == []


@contextmanager
def as_an_ordinary_user(folder: Path, umask: int) -> Iterator[None]:
    """Root may read what its umask has closed."""
    folder.chmod(0o777)
    before, user = os.umask(umask), os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)
        os.umask(before)

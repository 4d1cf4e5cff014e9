"""Files are written whole or not at all, and failures are told in plain words."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fromscratch.errors import ImageError
from fromscratch.host.storage import disk


class Broken(Exception):
    pass


def fail(_: object) -> None:
    raise Broken


@pytest.mark.parametrize("durable", [False, True])
def test_bytes_appear_all_at_once(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "new" / "folder" / "file"
    with disk.atomic(path, durable=durable) as stream:
        stream.write(b"one")
        stream.flush()
        assert not path.exists()
        stream.write(b"two")
    assert path.read_bytes() == b"onetwo"
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_failure_changes_nothing(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(Broken), disk.atomic(path) as stream:
        fail(stream.write(b"new"))
    assert {child.name: child.read_bytes() for child in tmp_path.iterdir()} == ({"file": before} if before else {})


def test_a_kill_leaves_the_old_file(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from fromscratch.host.storage import disk
with disk.atomic(Path({str(tmp_path / "file")!r})) as stream:
    stream.write(b"new")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    (tmp_path / "file").write_bytes(b"old")
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_name_may_be_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    for name in ("x" * 255, "é" * 127):
        disk.write_atomically(tmp_path / name, b"x")
        assert (tmp_path / name).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("umask", "mode", "found"), [(0o022, 0o644, 0o644), (0o077, 0o644, 0o600), (0o022, 0o777, 0o755)]
)
def test_modes_heed_the_umask(tmp_path: Path, umask: int, mode: int, found: int) -> None:
    before = os.umask(umask)
    try:
        disk.write_atomically(tmp_path / "file", b"x", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o7777 == found


def test_a_symlink_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    disk.write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"old"
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "give yourself the right"),
        (errno.EROFS, "read-only"),
        (errno.EFBIG, "largest"),
        (errno.EIO, "the disk fails"),
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "file-max"),
        (errno.ENOMEM, "ulimit -v"),
        (errno.ELOOP, "circle"),
        (errno.ENOLCK, "no locks"),
        (errno.EISDIR, "see whether"),
    ],
)
def test_what_the_system_refuses_is_told_with_what_to_do(number: int, hint: str) -> None:
    error = disk.explain(OSError(number, os.strerror(number)), Path("/somewhere/file"))
    assert str(error) == f"cannot write /somewhere/file: {os.strerror(number)}"
    assert hint in error.hint


def test_a_device_that_takes_no_more_is_not_called_a_disk() -> None:
    hint = disk.explain(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), Path("/dev/full")).hint
    assert hint == "no disk is full: the device or pipe that is there takes no more; name a file"


def test_a_full_disk_is_told_about_the_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught, disk.atomic(tmp_path / "file"):
        Path("/dev/full").write_bytes(b"x")
    assert str(caught.value) == f"cannot write {tmp_path}/file: No space left on device"
    assert caught.value.hint.startswith("the disk is full")
    assert list(tmp_path.iterdir()) == []


def test_another_file_that_fails_is_the_one_that_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught, disk.atomic(tmp_path / "file") as stream:
        stream.write(Path("/nonesuch/input").read_bytes())
    said = str(caught.value)
    assert said == f"cannot use /nonesuch/input, needed for {tmp_path}/file: No such file or directory"


def test_errors_of_our_own_pass(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^ours$"), disk.atomic(tmp_path / "file"):
        raise ImageError("ours")


def test_folders_are_removed_even_when_parts_are_read_only(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    inner = tmp_path / "folder" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    (inner / "link").symlink_to(outside)
    (inner / "closed" / "below").mkdir(parents=True)
    (inner / "closed").chmod(0)
    inner.chmod(0o500)
    inner.parent.chmod(0o500)
    disk.remove(tmp_path / "folder")
    disk.remove(tmp_path / "folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["outside", "kept"]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=rf"^cannot read {tmp_path}: Is a directory$"), disk.readable(tmp_path):
        open(tmp_path, "rb")


def test_a_link_is_removed_and_not_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    disk.remove(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_pipe_is_written_into_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with disk.atomic(pipe) as stream:
        stream.write(b"bytes")
    assert os.read(reader, 10) == b"bytes"
    os.close(reader)
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("way", ["/proc/self/fd/{}", "fd/{}", "/dev/fd/{}"])
def test_an_open_file_of_ours_is_written_into_whatever_leads_to_it(tmp_path: Path, way: str) -> None:
    """/dev/stdout is a symlink to /proc/self/fd/1 on some machines, and to fd/1 on others."""
    (tmp_path / "fd").symlink_to("/proc/self/fd")
    with open(tmp_path / "file", "wb") as stream:
        (tmp_path / "stdout").symlink_to(way.format(stream.fileno()))
        with disk.atomic(tmp_path / "stdout") as out:
            out.write(b"abc")
        assert os.fstat(stream.fileno()).st_ino == (tmp_path / "file").stat().st_ino
    assert (tmp_path / "file").read_bytes() == b"abc"
    assert (tmp_path / "stdout").is_symlink()

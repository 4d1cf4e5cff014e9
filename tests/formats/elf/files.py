"""The ELF files of this machine, for tests that compare what we read of them with what others read."""

import io
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from fromscratch.formats.elf.headers import ET_DYN, ET_EXEC, MAGIC, Elf, Read, read_elf
from tests.engines import missing

FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/git-core")


@cache
def machine_files() -> Sequence[Path]:
    """Every program and library of the usual folders, once."""
    found: dict[tuple[int, int], Path] = {}
    for folder in FOLDERS:
        for path in sorted(Path(folder).glob("*")):
            if not path.is_symlink() and path.is_file() and os.access(path, os.R_OK) and _is_loadable(path):
                state = path.stat()
                found.setdefault((state.st_dev, state.st_ino), path)
    if not found:
        missing("ELF files in the usual folders are not on this machine")
    return list(found.values())


def sample() -> Sequence[Path]:
    """Some of them, spread over all folders and sizes."""
    files = machine_files()
    return files[:: max(1, len(files) // 30)]


def _is_loadable(path: Path) -> bool:
    with open(path, "rb") as stream:
        head = stream.read(20)
    return head[:4] == MAGIC and len(head) == 20 and head[16 if head[5] == 1 else 17] in (ET_EXEC, ET_DYN)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Elf, Read]]:
    """The facts of a file, and how to read more of it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:

        def read(offset: int, size: int) -> bytes:
            return os.pread(descriptor, size, offset)

        yield read_elf(read), read
    finally:
        os.close(descriptor)


def built(folder: Path, name: str, source: str, *flags: str, compiler: Sequence[str] = ("gcc",)) -> Path:
    """A program made of C here and now; the test is skipped where there is no compiler or no library to link with."""
    if shutil.which(compiler[0]) is None:
        missing(f"{compiler[0]} is not on this machine")
    place = folder / name
    argv = [*compiler, "-x", "c", "-", "-o", str(place), *flags]
    done = subprocess.run(argv, input=source, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        missing(f"{compiler[0]} {' '.join(flags)} does not build here: {done.stderr.strip()[-200:]}")
    return place


def whole(path: Path) -> io.BytesIO:
    return io.BytesIO(path.read_bytes())


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to build programs in."""
    return tmp_path_factory.mktemp("elf")

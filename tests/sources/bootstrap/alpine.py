"""A real apk for the tests, out of a root of Alpine: one file that unpacks itself where it runs."""

import os
import platform
import tarfile
from pathlib import Path

import pytest

MINIROOTFS = "FROMSCRATCH_MINIROOTFS"
_START = """#!/bin/sh
set -e
test -e /tmp/apk/sbin/apk || {{ mkdir -p /tmp/apk; tail -n +6 "$0" | tar -xf - -C /tmp/apk; }}
exec /tmp/apk/lib/ld-musl-{machine}.so.1 --library-path /tmp/apk/lib:/tmp/apk/usr/lib /tmp/apk/sbin/apk "$@"
exit
"""


def minirootfs() -> Path:
    """The archive of a root of Alpine that the environment names; the test is skipped without one."""
    path = Path(os.environ.get(MINIROOTFS, "/nonexistent"))
    if not path.is_file():
        pytest.skip(f"{MINIROOTFS} names no alpine-minirootfs-*.tar.gz for {platform.machine()}")
    return path


def apk(folder: Path) -> Path:
    """The program."""
    program, root = folder / "apk-of-a-root", folder / "root-with-apk"
    with tarfile.open(minirootfs()) as archive:
        archive.extractall(root, filter="tar")
    with tarfile.open(folder / "apk.tar", "w") as out:
        for name in ("lib", "usr/lib", "sbin/apk"):
            out.add(root / name, name)
    start = _START.format(machine=platform.machine()).encode()
    program.write_bytes(start + (folder / "apk.tar").read_bytes())
    program.chmod(0o755)
    return program

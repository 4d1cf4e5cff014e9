"""A real apk for the tests, out of a root of Alpine: one file that unpacks itself where it runs."""

import platform
import tarfile
from pathlib import Path

from tests.alpine_root import minirootfs

_START = """#!/bin/sh
set -e
test -e /tmp/apk/sbin/apk || {{ mkdir -p /tmp/apk; tail -n +6 "$0" | tar -xf - -C /tmp/apk; }}
exec /tmp/apk/lib/ld-musl-{machine}.so.1 --library-path /tmp/apk/lib:/tmp/apk/usr/lib /tmp/apk/sbin/apk "$@"
exit
"""


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

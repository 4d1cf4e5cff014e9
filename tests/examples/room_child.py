"""Process 1 of a room, run as a program of its own by `rooms`: `unshare … python -I -S room_child.py`, JSON on stdin.

It mounts what a running system needs into each root, brings the loopback device up, runs the steps one after another,
each chrooted into its root, and writes what came of them to stdout. It ends when a step ends otherwise than it should.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from typing import Any

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def main() -> None:
    spec = json.load(sys.stdin)
    for root in spec["roots"]:
        for words in (["--rbind", "/dev", f"{root}/dev"], ["-t", "proc", "proc", f"{root}/proc"]):
            subprocess.run(["mount", *words], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/tmp"], check=True)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    results: list[dict[str, Any]] = []
    for step in spec["steps"]:
        end = time.monotonic() + step["patience"]
        while not _right(step, result := _done(step, spec["uid"])) and time.monotonic() < end:
            time.sleep(0.05)
        results.append(result)
        if not _right(step, result):
            break
    json.dump(results, sys.stdout)


def _right(step: dict[str, Any], result: dict[str, Any]) -> bool:
    return result["code"] == step["code"] and step["says"] in result["said"]


def _done(step: dict[str, Any], uid: int) -> dict[str, Any]:
    def enter() -> None:
        os.chroot(step["root"])
        os.chdir("/")
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)

    # A file, not a pipe: a server that goes on in the background would hold a pipe open.
    with os.fdopen(os.memfd_create("said"), "r+b") as said:
        try:
            made = subprocess.run(
                step["argv"],
                preexec_fn=enter,
                env=step["env"],
                input=step["stdin"].encode(),
                stdout=said,
                stderr=said,
                timeout=30,
                check=False,
            )
            code = made.returncode if made.returncode >= 0 else 128 - made.returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            said.write(str(error).encode())
            code = 127
        said.seek(0)
        return {"code": code, "said": said.read().decode("utf-8", "replace")}


main()

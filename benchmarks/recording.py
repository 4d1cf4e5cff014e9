"""How much slower commands run while the files that they use are recorded: by us, and by strace."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from shlex import quote

from benchmarks.runner import Case, Group
from fromscratch.model.rootfs import Rootfs
from fromscratch.tracing.by_notification import Notification
from fromscratch.tracing.by_strace import OPTIONS
from fromscratch.tracing.recording import Recording

_MODULES = (
    "asyncio, concurrent.futures, ctypes, email.mime.text, http.client, json, multiprocessing.pool, sqlite3, unittest,"
    " urllib.request, xml.dom.minidom"
)
_ACCOUNTS = "for i in $(seq 20); do id root; getent passwd daemon; ls -l /etc/passwd; date; done > /dev/null"


def groups(_tree: Rootfs, folder: Path, scratch: Path) -> list[Group]:
    sources = scratch / "sources"
    imports = f"for i in 1 2 3; do {quote(sys.executable)} -c 'import {_MODULES}'; done"
    return [
        _recorded("imports of Python", imports, scratch, "aim: 1.6"),
        _recorded("a script with accounts", _ACCOUNTS, scratch, "aim: 1.6; many short programs, and NSS"),
        _recorded("make -j2", _make(sources), scratch, "aim: 2.5; forty small files in C", ("make", "cc")),
        _recorded("find", f"find {quote(str(folder))} /usr/share -size +100M", scratch, "aim: 4; asks about each file"),
    ]


def _recorded(title: str, script: str, scratch: Path, aim: str, needs: tuple[str, ...] = ()) -> Group:
    log = quote(str(scratch / "log"))
    return Group(
        f"recording: {title}",
        [
            Case("alone", f"sh -c {quote(script)} > /dev/null", needs=needs),
            Case("notification", _ours(script), needs=needs),
            Case("strace", f"strace {' '.join(OPTIONS)} -o {log} sh -c {quote(script)} > /dev/null", needs=needs),
        ],
        aim,
    )


def _ours(script: str) -> Callable[[], object]:
    def record() -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        recording = Recording("notification", "here")
        Notification().command(["sh", "-c", script], recording, id)
        if recording.lost:
            raise SystemExit(f"events were lost: {recording.lost}")

    return record


def _make(sources: Path) -> str:
    """A folder of sources, and the command that compiles all of them anew."""
    sources.mkdir(parents=True, exist_ok=True)
    headers = "".join(f"#include <{name}.h>\n" for name in ("stdio", "stdlib", "string"))
    for number in range(40):
        (sources / f"f{number}.c").write_text(f"{headers}int f{number}(void) {{ return {number}; }}\n")
    objects = " ".join(f"f{number}.o" for number in range(40))
    (sources / "Makefile").write_text(f"all: {objects}\n")
    return f"cd {quote(str(sources))} && rm -f *.o && make -s -j2"

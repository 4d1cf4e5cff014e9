"""Small images for the start check: a Debian-like GLIBC root with a shell, a server, an account and a script.

Files are written as `path: bytes`, 0755 and of root; a text is a symlink if it begins with "-> ", and None takes a path
out of the root. `modes` gives others modes and owners: "0644 0:0".
"""

from collections.abc import Mapping

from fromscratch.checks.start.check import start_check
from fromscratch.checks.start.finding import Finding
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, encode
from tests.sysroots import LOADER, MULTIARCH, libc, library, loader, program

AMD64 = Platform.parse("linux/amd64")
Files = Mapping[str, bytes | str | None]

ROOT: Files = {
    "/bin": "-> usr/bin",
    "/lib": "-> usr/lib",
    "/lib64": "-> usr/lib64",
    f"{MULTIARCH}/ld-linux-x86-64.so.2": loader(),
    f"/usr{LOADER}": "-> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    f"{MULTIARCH}/libc.so.6": libc(),
    f"{MULTIARCH}/libweb.so.1": library("libweb.so.1", "libc.so.6"),
    "/usr/bin/sh": program(),
    "/usr/bin/env": program(),
    "/usr/sbin/webd": program("libweb.so.1", imports=("getpwnam", "mkstemp"), data=b"\0/tmp/webd.XXXXXX\0"),
    "/usr/local/bin/start": b"#!/bin/sh\nexec webd -f\n",
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n",
    "/etc/group": b"root:x:0:\napp:x:1000:\nweb:x:33:app\n",
}
_FOLDERS: Mapping[str, str] = {"/tmp": "1777 0:0", "/srv": "0755 1000:1000", "/root": "0700 0:0"}


def image(files: Files | None = None, modes: Mapping[str, str] | None = None, base: Files = ROOT) -> Rootfs:
    """The root with these files in place of its own."""
    marks = {**_FOLDERS, **(modes or {})}
    entries: dict[TreePath, Entry] = {}
    for path, piece in {**base, **(files or {})}.items():
        if piece is None:
            continue
        meta = _meta(marks.get(path, "0755 0:0"))
        if isinstance(piece, str) and piece.startswith("-> "):
            entries[TreePath(path)] = Symlink(Meta(0o777), piece[3:])
        else:
            data = piece if isinstance(piece, bytes) else encode(piece)
            entries[TreePath(path)] = File(meta, Inline(data), (Origin("test", "shipped in", "base 1"),))
    for path, text in marks.items():
        if path not in entries and (files or {}).get(path, "") is not None:
            entries[TreePath(path)] = Directory(_meta(text))
    return Rootfs(entries)


def _meta(text: str) -> Meta:
    mode, owner = text.split(" ")
    uid, gid = owner.split(":")
    return Meta(int(mode, 8), int(uid), int(gid))


def findings(tree: Rootfs, config: RunConfig, platform: Platform = AMD64, **more: object) -> list[Finding]:
    """What the start check says."""
    return start_check(tree, config, platform, **more)  # type: ignore[arg-type]


def said(found: list[Finding]) -> list[str]:
    """Each finding on a line: its level, text and hint."""
    return [f"{each.level}: {each.text} -> {each.hint}" for each in found]

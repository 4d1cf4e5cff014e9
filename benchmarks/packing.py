"""Packing a tree: scan, tar, digest, compress, digest, write; against the tools that one would pipe together."""

import sys
from pathlib import Path
from shlex import quote

from benchmarks.runner import Case, Group
from benchmarks.sample import HERE
from fromscratch.formats.codec import CodecName
from fromscratch.formats.layer import pack
from fromscratch.host.scan import scan
from fromscratch.model.rootfs import Rootfs

_PROCESS = """
import sys
from pathlib import Path
from benchmarks.packing import scan_and_pack
scan_and_pack(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], 2)
"""


def scan_and_pack(folder: Path, out: Path, codec: CodecName, threads: int) -> None:
    with open(out, "wb") as stream:
        pack(scan(folder, HERE), stream, codec=codec, threads=threads)


def groups(tree: Rootfs, folder: Path, scratch: Path) -> list[Group]:
    out = scratch / "out"
    tar = f"tar --numeric-owner -C {quote(str(folder))} -cf - ."
    to = quote(str(out))
    note = f"{len(tree)} entries, {tree.size / 1e6:.0f} MB; ours computes diff_id and digest in the same run"

    def piped(name: str, command: str, *needs: str) -> Case:
        return Case(name, command, out, needs)

    def ours(codec: CodecName) -> list[Case]:
        process = f"{quote(sys.executable)} -c {quote(_PROCESS)} {quote(str(folder))} {to} {codec}"
        return [
            Case("fromscratch", lambda: scan_and_pack(folder, out, codec, 2), out),
            Case("fromscratch, 1 thread", lambda: scan_and_pack(folder, out, codec, 1), out),
            Case("fromscratch, with Python's start", process, out),
        ]

    def digested(compress: str) -> str:
        """Two digests as one would get them in a shell."""
        first, second = quote(str(scratch / "a")), quote(str(scratch / "b"))
        return f"{tar} | tee >(sha256sum > {first}) | {compress} | tee >(sha256sum > {second}) > {to}"

    return [
        Group(
            "pack, uncompressed",
            [
                piped("tar > file", f"{tar} > {to}", "tar"),
                piped("tar + sha256sum", f"{tar} | tee {to} | sha256sum > {quote(str(scratch / 'a'))}", "tar"),
                *ours("none"),
            ],
            note,
        ),
        Group(
            "pack, gzip",
            [
                piped("tar | pigz -6", f"{tar} | pigz -6 -p2 > {to}", "tar", "pigz"),
                piped("tar | gzip -6", f"{tar} | gzip -6 > {to}", "tar", "gzip"),
                piped("tar + sha256sum + pigz + sha256sum", digested("pigz -6 -p2"), "tar", "pigz"),
                piped("tar + sha256sum + gzip + sha256sum", digested("gzip -6"), "tar", "gzip"),
                *ours("gzip"),
            ],
            note,
        ),
        Group(
            "pack, zstd",
            [
                piped("tar | zstd -3 -T2", f"{tar} | zstd -q -3 -T2 > {to}", "tar", "zstd"),
                piped("tar + sha256sum + zstd -T2 + sha256sum", digested("zstd -q -3 -T2"), "tar", "zstd"),
                *ours("zstd"),
            ],
            note,
        ),
    ]

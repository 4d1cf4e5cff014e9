"""Packing a tree: scan, tar, digest, compress, digest, write; against the tools that one would pipe together.

Each group tells its limit too: reading, hashing and the codec, each alone in one thread, shared out to
the CPUs of this machine.
"""

import hashlib
import mmap
import os
import sys
from functools import partial
from pathlib import Path
from shlex import quote

from benchmarks.runner import Case, Group, Part
from benchmarks.sample import HERE, sample
from fromscratch.formats.packing.codec import Codec, CodecName, codec
from fromscratch.formats.packing.layer import pack
from fromscratch.host.machine.scan import scan
from fromscratch.model.content import HostFile
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs

# What a program of one's own would be: nothing is imported that packing does not use.
_PROCESS = """
import sys
from pathlib import Path
from fromscratch.formats.packing.layer import pack
from fromscratch.host.machine.scan import scan
from fromscratch.model.entry import Origin
tree = scan(Path(sys.argv[1]), Origin("benchmark", "found in", "this machine"))
with open(sys.argv[2], "wb") as stream:
    pack(tree, stream, codec=sys.argv[3], threads=int(sys.argv[4]))
"""
_CPUS = os.cpu_count() or 1
_THREADS = max(2, _CPUS)
_LARGE = 1500


def scan_and_pack(folder: Path, out: Path, name: CodecName, threads: int) -> None:
    with open(out, "wb") as stream:
        pack(scan(folder, HERE), stream, codec=name, threads=threads)


def pack_alone(tree: Rootfs, out: Path, name: CodecName) -> None:
    with open(out, "wb") as stream:
        pack(tree, stream, codec=name, threads=_THREADS)


def groups(tree: Rootfs, folder: Path, scratch: Path) -> list[Group]:
    jobs = _Jobs(tree, folder, scratch)
    return [jobs.plain(), jobs.gzip(), jobs.zstd(), _layout(folder, scratch)]


def large(source: Path, scratch: Path) -> Group:
    """The memory that a large tree takes."""
    folder = scratch / "large"
    tree = sample(source, _LARGE, folder)
    jobs = _Jobs(tree, folder, scratch)
    return Group(
        f"pack {tree.size / 1e6:.0f} MB",
        [
            jobs.tar("tar > file", ""),
            *(jobs.process(name, f"fromscratch, {name}") for name in ("none", "gzip", "zstd")),
        ],
        jobs.note,
    )


class _Jobs:
    """The same tree, packed in every way."""

    def __init__(self, tree: Rootfs, folder: Path, scratch: Path) -> None:
        self._tree, self._folder, self._scratch = tree, folder, scratch
        self._out = scratch / "out"
        self.note = f"{len(tree)} entries, {tree.size / 1e6:.0f} MB; ours computes diff_id and digest in the same run"

    def plain(self) -> Group:
        first = quote(str(self._scratch / "a"))
        cases = [
            self.tar("tar > file", ""),
            self.tar("tar + sha256sum", f"| tee {quote(str(self._out))} | sha256sum", to=first),
            *self._ours("none"),
        ]
        return self._group("pack, uncompressed", cases, "none")

    def gzip(self) -> Group:
        pigz = f"pigz -6 -p{_THREADS}"
        cases = [
            self.tar("tar | pigz -6", f"| {pigz}", "pigz"),
            self.tar("tar | gzip -6", "| gzip -6", "gzip"),
            self._digested("tar + sha256sum + pigz + sha256sum", pigz, "pigz"),
            *self._ours("gzip"),
            self.process("fast", "fromscratch, fast (isal)"),
        ]
        return self._group("pack, gzip", cases, "gzip")

    def zstd(self) -> Group:
        zstd = "zstd -q -3 -T0"
        cases = [
            self._digested("tar + sha256sum + zstd -T0 + sha256sum", zstd, "zstd"),
            self.tar("tar | zstd -3 -T0", f"| {zstd}", "zstd"),
            *self._ours("zstd"),
        ]
        return self._group("pack, zstd", cases, "zstd")

    def tar(self, name: str, through: str, *needs: str, to: str = "") -> Case:
        tar = f"tar --numeric-owner -C {quote(str(self._folder))} -cf - ."
        return Case(name, f"{tar} {through} > {to or quote(str(self._out))}", self._out, ("tar", *needs))

    def process(self, name: CodecName, title: str, threads: int = _THREADS) -> Case:
        words = f"{quote(str(self._folder))} {quote(str(self._out))} {name} {threads}"
        return Case(title, f"{quote(sys.executable)} -c {quote(_PROCESS)} {words}", self._out)

    def _digested(self, name: str, compress: str, *needs: str) -> Case:
        """Two digests as one would get them in a shell."""
        first, second = quote(str(self._scratch / "a")), quote(str(self._scratch / "b"))
        return self.tar(name, f"| tee >(sha256sum > {first}) | {compress} | tee >(sha256sum > {second})", *needs)

    def _ours(self, name: CodecName) -> list[Case]:
        return [
            self.process(name, "fromscratch"),
            self.process(name, "fromscratch, 1 thread", 1),
            Case("fromscratch, without Python's start", partial(self._scan_and_pack, name), self._out),
            Case("fromscratch, of a tree it has", partial(pack_alone, self._tree, self._out, name), self._out),
        ]

    def _scan_and_pack(self, name: CodecName) -> None:
        scan_and_pack(self._folder, self._out, name, _THREADS)

    def _group(self, title: str, cases: list[Case], name: CodecName) -> Group:
        parts = [Part("reading alone"), Part("sha256 of the tar alone")]
        archive = self._scratch / "limit.tar"
        pack_alone(self._tree, archive, "none")
        alone = [
            Case("reading alone", partial(_read, self._tree)),
            Case("sha256 of the tar alone", partial(_hash, archive)),
        ]
        if name != "none":
            blob = self._scratch / f"limit.{name}"
            pack_alone(self._tree, blob, name)
            alone.append(Case("the codec alone", partial(_compress, archive, codec(name))))
            alone.append(Case("sha256 of the blob alone", partial(_hash, blob)))
            parts += [Part("the codec alone", divisible=True), Part("sha256 of the blob alone")]
        return Group(title, [*cases, *alone], self.note, parts=parts)


def _read(tree: Rootfs) -> None:
    room = bytearray(1 << 20)
    for entry in tree.values():
        if isinstance(entry, File) and isinstance(entry.content, HostFile):
            descriptor = entry.content.descriptor()
            while os.readv(descriptor, (room,)) == len(room):
                pass
            os.close(descriptor)


def _hash(path: Path) -> None:
    with open(path, "rb") as stream:
        hashlib.file_digest(stream, "sha256")


def _compress(archive: Path, by: Codec) -> None:
    with open(archive, "rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
        whole = memoryview(data)
        for start in range(0, len(whole), by.block_size):
            by.compress(whole[start : start + by.block_size], bytes(whole[max(0, start - by.window) : start]))
        whole.release()


def _layout(folder: Path, scratch: Path) -> Group:
    place, root = quote(str(scratch)), quote(str(folder))
    (scratch / "whole.yaml").write_text(f"name: whole\ntimes: keep\nrootfs: [{{directory: {{path: '{folder}'}}}}]\n")
    build = (
        f"cd {place} && export FROMSCRATCH_STORE={place}/store && rm -rf build/whole "
        f"&& {quote(sys.executable)} -m fromscratch build --recipe whole.yaml --quiet > /dev/null"
    )
    umoci = (
        f"cd {place} && rm -rf umoci && umoci init --layout umoci > /dev/null && umoci new --image umoci:x > /dev/null "
        f"&& umoci insert --image umoci:x {root} / > /dev/null 2>&1"
    )
    return Group(
        "the same tree into an OCI layout",
        [Case("umoci insert", umoci, needs=("umoci",)), Case("fromscratch build", build)],
        "ours also writes the evidence and the Dockerfile",
    )

"""Readers of untrusted bytes under changed archives and documents: for the suite some hundred times, by hand a million.

python -m tests.fuzz tar 1000000          # or: layers, documents, blobs, a name in tests/fuzz_parsers.py
python -m tests.fuzz tar 1 4711           # one case again
"""

import bz2
import gzip
import io
import json
import lzma
import random
import resource
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, MissingBlob
from fromscratch.formats.docker.archive import docker_archive_images
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.reader import images
from fromscratch.formats.oci.verified import check_bytes
from fromscratch.formats.packing.decompress import expand
from fromscratch.formats.tar.tree import lay, read_tree
from fromscratch.formats.tar.writer import blocks
from fromscratch.limits import limits
from fromscratch.model.content import Inline
from fromscratch.model.content import read as bytes_of
from fromscratch.model.entry import Directory, Entry, File, Origin, file
from fromscratch.model.image import Image
from fromscratch.model.layers import LayerStack
from fromscratch.model.listing import lines
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, parent, tree_path
from tests import fuzz_parsers, mutations

ORIGIN = Origin("test", "found in", "an archive")
_SMALL = limits("64M", "20000")


def tar(chance: random.Random, folder: Path) -> str:
    """A changed archive is a tree that can be packed and read again, or an error of ours."""
    (folder / "a.tar").write_bytes(mutations.archive(chance))
    try:
        found = read_tree(folder / "a.tar", ORIGIN, limits=_SMALL)
    except ImageError as error:
        return text_of(error)
    whole(found)
    return same_again(found, folder)


def layers(chance: random.Random, folder: Path) -> str:
    """So are changed layers laid over each other."""
    stack = LayerStack()
    try:
        for number in range(chance.randrange(1, 4)):
            (folder / f"{number}.tar").write_bytes(mutations.archive(chance))
            lay(stack, folder / f"{number}.tar", ORIGIN, title=f"layer {number}", limits=_SMALL)
    except ImageError as error:
        return text_of(error)
    found = stack.build()
    whole(found)
    assert not any(part.startswith(".wh.") for path in found for part in path.split("/"))
    assert stack.weight >= len(found)
    return same_again(found, folder)


def whole(found: Rootfs) -> None:
    for path, entry in found.items():
        assert tree_path(path) == path
        assert isinstance(found[parent(path)], Directory)
        if isinstance(entry, File) and entry.content.size < 1 << 20:
            assert len(bytes_of(entry.content)) == entry.content.size


def same_again(found: Rootfs, folder: Path) -> str:
    """Whatever can be read can be packed, and is the same when it is read again."""
    if found.size > 1 << 20:
        return "a large tree"
    (folder / "again.tar").write_bytes(b"".join(map(bytes, blocks(found))))
    again = read_tree(folder / "again.tar", ORIGIN)
    assert list(lines(again)) == list(lines(found))
    for path, entry in found.items():
        one, other = entry, again[path]
        if isinstance(one, File) and isinstance(other, File):
            assert bytes_of(one.content) == bytes_of(other.content)
        if path != ROOT and (entry.origins and entry.origins[0].reason != "parent of"):
            assert one.meta == other.meta
    return "a tree"


LAYER = gzip.compress(b"".join(map(bytes, blocks(Rootfs()))), mtime=0)
PLAIN = Digest.of(gzip.decompress(LAYER))
CONFIG: dict[str, Any] = {
    "created": "2020-01-01T00:00:00Z",
    "author": "somebody",
    "architecture": "arm",
    "variant": "v7",
    "os": "linux",
    "config": {
        "User": "a:b",
        "ExposedPorts": {"80/tcp": {}},
        "Env": ["A=b", "PATH=/bin"],
        "Entrypoint": ["/x"],
        "Cmd": ["y"],
        "Volumes": {"/v": {}},
        "WorkingDir": "/w",
        "Labels": {"l": "m"},
        "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1, "Retries": 2},
        "Shell": ["/bin/sh", "-c"],
        "OnBuild": ["RUN x"],
    },
    "rootfs": {"type": "layers", "diff_ids": [str(PLAIN)]},
    "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "x", "comment": "c"}, {"empty_layer": True}],
}


@dataclass
class Memory:
    """Blobs in memory, as a layout has them in a folder."""

    files: dict[str, bytes] = field(default_factory=dict)
    label: str = "memory"

    def add(self, data: bytes, kind: str, **more: Any) -> dict[str, Any]:
        self.files[str(Digest.of(data))] = data
        return {"mediaType": kind, "digest": str(Digest.of(data)), "size": len(data), **more}

    def document(self, descriptor: oci.Descriptor) -> bytes:
        return check_bytes(self._get(descriptor), descriptor.digest, descriptor.size, "a blob")

    def layer(self, descriptor: oci.Descriptor) -> Callable[[], BinaryIO]:
        return partial(io.BytesIO, self._get(descriptor))

    def _get(self, descriptor: oci.Descriptor) -> bytes:
        data = self.files.get(str(descriptor.digest))
        if data is None:
            raise MissingBlob(f"{descriptor.digest} is not there", "fix it")
        return data


def documents(chance: random.Random, folder: Path) -> str:
    """Changed documents are images, or an error of ours."""
    which = chance.randrange(5)

    def made(value: Any, number: int) -> bytes:
        return mutations.document(value, chance) if which == number else json.dumps(value).encode()

    memory = Memory()
    config = memory.add(made(CONFIG, 0), oci.CONFIG)
    layer = memory.add(LAYER, oci.LAYER_GZIP)
    if which == 4:
        return docker_document(memory, config["digest"], chance)
    platform = {"platform": {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": "1"}}
    manifest = {"schemaVersion": 2, "mediaType": oci.MANIFEST, "config": config, "layers": [layer]}
    one = memory.add(made({**manifest, "annotations": {"a": "b"}}, 1), oci.MANIFEST, **platform)
    index = memory.add(made({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": [one, one]}, 2), oci.INDEX)
    with_name = {**index, "annotations": {oci.REF_NAME: "latest"}}
    top = made({"schemaVersion": 2, "manifests": [chance.choice((with_name, one))]}, 3)
    try:
        found = images(memory, top, chance.choice((None, "latest")))
    except ImageError as error:
        return text_of(error)
    return usable(found)


def docker_document(memory: Memory, config: str, chance: random.Random) -> str:
    listing = [{"Config": "config.json", "RepoTags": ["a/b:1"], "Layers": ["layer.tar"]}]
    files = {"config.json": memory.files[config], "layer.tar": LAYER}
    files["manifest.json"] = mutations.document(listing, chance)
    entries: dict[TreePath, Entry] = {tree_path(name): file(Inline(data)) for name, data in files.items()}
    try:
        return usable(docker_archive_images(Rootfs(entries), "docker-archive", chance.choice((None, "a/b:1"))))
    except ImageError as error:
        return text_of(error)


def usable(found: list[Image]) -> str:
    """Every image that was read can be written as it is."""
    from fromscratch.formats.oci.graph import graph

    try:
        graph(found)
    except ImageError as error:
        return f"read, but not written: {text_of(error)}"
    return "images"


COMPRESSORS: list[Callable[[bytes], bytes]] = [
    lambda data: gzip.compress(data, mtime=0),
    lzma.compress,
    partial(lzma.compress, format=lzma.FORMAT_ALONE),
    bz2.compress,
    zstandard.ZstdCompressor(write_checksum=True).compress,
    lambda data: zlib.compress(data),
    bytes,
]


def blobs(chance: random.Random, folder: Path) -> str:
    """Changed blobs of every compression are bytes, or an error of ours."""
    data = bytearray(b"".join(chance.choice(COMPRESSORS)(b"hello" * chance.randrange(400)) for _ in range(2)))
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1:
                data[place : place + chance.randrange(8)] = bytes(
                    chance.randrange(256) for _ in range(chance.randrange(8))
                )
            case 2:
                data[place:place] = data[chance.randrange(len(data)) :][:40]
            case _:
                data[place] = chance.choice((0, 255))
        data = data or bytearray(b"x")
    (folder / "blob").write_bytes(data)
    try:
        expand(folder / "blob", folder / "plain", limits=_SMALL)
    except ImageError as error:
        return text_of(error)
    return "bytes"


def text_of(error: ImageError) -> str:
    """What kind of error it is. It says what to do next, in one line that a terminal can show."""
    assert error.message
    assert error.hint
    return type(error).__name__


TARGETS: dict[str, Callable[[random.Random, Path], str]] = {
    "tar": tar,
    "layers": layers,
    "documents": documents,
    "blobs": blobs,
}
EVERY: dict[str, Callable[[random.Random, Path], str]] = {
    **TARGETS,
    **{name: partial(fuzz_parsers.case, name) for name in fuzz_parsers.PARSERS},
}


def case(target: str, number: int, folder: Path) -> str:
    """One case. Raises whatever is no error of ours."""
    return EVERY[target](random.Random(f"{target} {number}"), folder)


def main(target: str, count: int, first: int = 0) -> None:
    """Many cases; none may take long."""
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    outcomes: Counter[str] = Counter()
    slowest, start = (0.0, 0), time.monotonic()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        for number in range(first, first + count):
            began = time.process_time()
            try:
                outcomes[case(target, number, Path(folder))] += 1
            except BaseException:
                print(f"{target} {number}:", file=sys.stderr)
                raise
            took = time.process_time() - began
            slowest = max(slowest, (took, number))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    took = time.monotonic() - start
    print(f"{target}: {count} cases in {took:.0f} s, slowest {slowest[0]:.2f} s (case {slowest[1]}), peak {peak} MiB")
    print("  " + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))

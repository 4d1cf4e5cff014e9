"""`python -m benchmarks busybox IMAGE…`: images of BusyBox side by side: applets, sizes, files, and what is missing.

An image is an OCI layout or the tar of a root, compressed or not. The first is the standard that the others are held
against, such as latest/glibc/amd64/rootfs.tar.gz of docker-library/busybox (branch dist-amd64). Sizes are as the image
came, and packed by the same codec, so that neither gains by its compression alone.
"""

import argparse
import gzip
import io
import json
from pathlib import Path

import zstandard

from fromscratch.errors import ImageError
from fromscratch.formats.packing.layer import pack
from fromscratch.formats.tar.tree import read_tree
from fromscratch.model.entry import File, HardLink, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, name

_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
_CODECS = ("gzip", "smallest")


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks busybox", description=__doc__)
    parser.add_argument("image", nargs="+", type=Path, help="an OCI layout, or the tar of a root")
    parser.add_argument("--work", type=Path, required=True, help="a folder for unpacked tars")
    options = parser.parse_args(words)
    options.work.mkdir(parents=True, exist_ok=True)
    standard: tuple[frozenset[str], int] | None = None
    heads = ("packed", "of first", "gzip", "smallest", "unpacked", "entries", "applets")
    print(f"{'image':40}" + "".join(f"{head:>12}" for head in heads))
    for number, path in enumerate(options.image):
        blob = _layer(path)
        tar = options.work / f"{number}.tar"
        tar.write_bytes(_unpacked(blob))
        tree = read_tree(tar, Origin("benchmark", "asked for", str(path)))
        names, again = applets(tree), [pack(tree, io.BytesIO(), codec=codec).size for codec in _CODECS]
        standard = standard or (names, len(blob))
        cells = [f"{len(blob):,}", f"{len(blob) / standard[1]:.3f}", *(f"{size:,}" for size in again)]
        cells += [f"{tree.size:,}", f"{len(tree)}", f"{len(names)}"]
        print(f"{str(path)[-39:]:40}" + "".join(f"{cell:>12}" for cell in cells))
        if missing := sorted(standard[0] - names):
            print(f"  missing: {' '.join(missing)}")


def applets(tree: Rootfs) -> frozenset[str]:
    """The names in folders of programs that lead to the file busybox."""
    found = {_inode(tree, f"{folder}/busybox") for folder in _FOLDERS} - {None}
    links = (path for path, entry in tree.items() if isinstance(entry, File | Symlink | HardLink))
    return frozenset(name(path) for path in links if _inode(tree, path) in found)


def _inode(tree: Rootfs, path: str) -> TreePath | None:
    """The first name of the file that a path leads to."""
    try:
        place = tree.resolve(path)
    except ImageError:
        return None
    entry = tree.get(place)
    return entry.target if isinstance(entry, HardLink) else place


def _layer(path: Path) -> bytes:
    if not path.is_dir():
        return path.read_bytes()
    manifest = json.loads((path / "index.json").read_text())["manifests"][0]
    described = json.loads(_blob(path, manifest["digest"]))
    if "manifests" in described:
        described = json.loads(_blob(path, described["manifests"][0]["digest"]))
    (layer,) = described["layers"]
    return _blob(path, layer["digest"])


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def _unpacked(blob: bytes) -> bytes:
    if blob.startswith(b"\x1f\x8b"):
        return gzip.decompress(blob)
    if blob.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(blob), read_across_frames=True).read()
    return blob

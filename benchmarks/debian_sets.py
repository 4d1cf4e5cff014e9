"""`python -m benchmarks debian`: thirty package sets, unpacked by `mmdebstrap --variant=extract` and by us.

Both read the same files of a mirror on this machine, which a first run of mmdebstrap has filled; both are processes of
their own, begin with nothing, and end with a tar. The trees are compared entry by entry.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.host.http.recorder import Recorder
from fromscratch.host.machine import apt
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.source import DebianSource
from tests.extraction import SETS, command, differences, options, theirs

_PROCESS = "import sys; from benchmarks.debian_sets import unpack; unpack(*sys.argv[1:])"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks debian", description=__doc__)
    parser.add_argument("sets", nargs="*", help="packages joined by +, such as curl+ca-certificates (default: all)")
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--mirror", help="of the suite; where this machine's own apt has it when left out")
    parser.add_argument("--scratch", type=Path, help="where to write (default: a temporary folder)")
    given = parser.parse_args(arguments)
    print("| packages | entries | mmdebstrap s | ours s | ratio | differences |\n|---|---|---|---|---|---|")
    ratios, different = [], 0
    for name in given.sets or SETS:
        with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=given.scratch) as scratch:
            row, ratio, lines = _compared(name, given.suite, given.mirror or _own(given.suite), Path(scratch))
        print(row, flush=True)
        for line in lines[:10]:
            print(f"  {line}", flush=True)
        ratios.append(ratio)
        different += bool(lines)
    print(f"\n{len(ratios)} sets, {different} different, median ratio {statistics.median(ratios):.2f}")


def _own(suite: str) -> str:
    """The mirror that this machine's apt takes a suite from."""
    return next(source.uri for source in apt.mirrors() if suite in source.suites)


def unpack(folder: str, suite: str, mirror: str, *packages: str) -> None:
    """Our part: fetch and build into a fresh store, and write the tar."""
    from fromscratch.formats.tar.writer import blocks

    source, store = _source(suite, mirror, packages), Store(Path(folder, "store"))
    source.fetch(store)
    with open(Path(folder, "ours.tar"), "wb") as out:
        out.writelines(blocks(source.build(store)))


def _source(suite: str, mirror: str, packages: Sequence[str]) -> DebianSource:
    chosen = options(packages, suite, mirror)
    return DebianSource(chosen, Context(folder=Path("/"), place="rootfs[0]", platform=Platform.of_this_machine()))


def _compared(name: str, suite: str, mirror: str, scratch: Path) -> tuple[str, float, list[str]]:
    packages = SETS.get(name) or name.split("+")
    store = Store(scratch / "filling")
    with Recorder(store, {"debian": Address(mirror)}, "filling the mirror") as recorder:
        _run(command(packages, suite, scratch / "first.tar", recorder.address("debian")))
    for path, digest in recorder.files.items():
        place = scratch / "mirror" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(store.path(digest))
    local = scratch / "mirror/debian"
    peer = _run(command(packages, suite, scratch / "theirs.tar", f"copy://{local}"))
    own = _run([sys.executable, "-c", _PROCESS, str(scratch), suite, f"file://{local}", *packages])
    source = _source(suite, f"file://{local}", packages)
    tree = source.build(Store(scratch / "store"))
    lines = list(differences(tree, theirs(scratch / "theirs.tar")))
    row = f"| {name} | {len(tree)} | {peer:.2f} | {own:.2f} | {own / peer:.2f} | {len(lines)} |"
    return row, own / peer, lines


def _run(argv: list[str]) -> float:
    """The seconds that a command took."""
    start = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    return time.monotonic() - start

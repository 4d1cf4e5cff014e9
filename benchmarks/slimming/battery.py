"""`python -m benchmarks slimming`: each image built, recorded under its checks, slimmed and checked; a table of all."""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from platformdirs import user_cache_path

from benchmarks.slimming.chain import IMAGES, STEPS, Chain, Measured
from fromscratch import Store


def main(arguments: list[str]) -> None:
    names = sorted(path.name for path in IMAGES.iterdir())
    parser = argparse.ArgumentParser(prog="python -m benchmarks slimming", description=__doc__)
    parser.add_argument("image", nargs="*", help=f"which images: {', '.join(names)} (default: all)")
    parser.add_argument("--recorder", help="how to record (default: the first that works here)")
    parser.add_argument("--removals", type=int, default=0, help="read files to take out, one at a time, as a try")
    parser.add_argument("--scratch", type=Path, help="where the images are written (default: a temporary folder)")
    parser.add_argument("--store", type=Path, default=user_cache_path("fromscratch"), help="default: %(default)s")
    parser.add_argument("--user", type=int, metavar="UID", help="as this user, with a store in --scratch; needs root")
    options = parser.parse_args(arguments)
    unknown = set(options.image) - set(names)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(names)}")
    if options.user is not None:
        if options.scratch is None:
            parser.error("--user needs --scratch, a folder that the user may write to")
        _as_user(options, options.image)
    with tempfile.TemporaryDirectory(prefix="slimming-") as folder:
        place = options.scratch or Path(folder)
        chain = Chain(place, Store(options.store), options.recorder, options.removals)
        print(_HEAD, flush=True)
        done = []
        for name in options.image or names:
            done.append(chain.run(name))
            print(_row(done[-1]), flush=True)
        print(_summary(done))


def _as_user(options: argparse.Namespace, names: list[str]) -> NoReturn:
    """Start anew as that user, who has to be able to read this Python and to write to the folder of --scratch."""
    words = [sys.executable, "-m", "benchmarks", "slimming", *names, "--scratch", str(options.scratch)]
    words += ["--removals", str(options.removals)]
    words += ["--store", str(options.scratch / "store")]
    words += ["--recorder", options.recorder] if options.recorder else []
    os.environ["HOME"] = str(options.scratch)
    user = str(options.user)
    os.execvp("setpriv", ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--", *words])


_HEAD = (
    f"{'':12} {'full MB':>15} {'small MB':>15} {'ratio':>6}  "
    + " ".join(f"{step:>7}" for step in STEPS)
    + "   proven  unseen  removed"
)


def _row(measured: Measured) -> str:
    def sizes(unpacked: int, packed: int) -> str:
        return f"{unpacked / 1e6:7.1f} {packed / 1e6:7.1f}"

    seconds = " ".join(f"{measured.seconds.get(step, 0):7.1f}" for step in STEPS)
    row = f"{measured.name:12} {sizes(measured.full.bytes, measured.full_packed)} "
    row += f"{sizes(measured.small.bytes, measured.small_packed)} {measured.ratio:6.1f}  {seconds}   "
    row += f"{'yes' if measured.proven else 'NO':6}  {measured.further - len(measured.broken)} of {measured.further}"
    if measured.removed:
        row += f"  {measured.removed - len(measured.unnoticed)} of {measured.removed}"
    notes = [*measured.faults, *(f"unseen: {one}" for one in measured.broken)]
    notes += [f"nothing is noticed without {path}" for path in measured.unnoticed]
    return row + "".join(f"\n    {note}" for note in notes)


def _summary(done: list[Measured]) -> str:
    proven = [each for each in done if each.proven]
    ratios = [each.ratio for each in done if each.ratio]
    median = f", median {statistics.median(ratios):.1f} times smaller" if ratios else ""
    unseen = f"{sum(each.further - len(each.broken) for each in done)} of {sum(each.further for each in done)}"
    median += f", {unseen} requests answered that no run had made"
    if removed := sum(each.removed for each in done):
        median += f", {removed - sum(len(each.unnoticed) for each in done)} of {removed} removals found out"
    return f"{len(proven)} of {len(done)} proven{median}; recorded by {', '.join({each.recorder for each in done})}"

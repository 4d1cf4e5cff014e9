"""`python -m benchmarks`: measure, and print a table for each job.

A module of benchmarks is one file with a function `groups(tree, folder, scratch)`, and one line below.
Those of PROGRAMS have their own arguments: `python -m benchmarks slimming --help`.
"""

import argparse
import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import bundling, commands, headers, packing, pushing, reading, rebuilding, recording, rpm_packages
from benchmarks.runner import Group, measure, table
from benchmarks.sample import sample
from fromscratch.model.rootfs import Rootfs

MODULES: dict[str, Callable[[Rootfs, Path, Path], list[Group]]] = {
    "headers": headers.groups,
    "reading": reading.groups,
    "packing": packing.groups,
    "commands": commands.groups,
    "bundling": bundling.groups,
    "rebuilding": rebuilding.groups,
    "pushing": pushing.groups,
    "recording": recording.groups,
    "rpm": rpm_packages.groups,
}

PROGRAMS = {
    "debian": "benchmarks.debian_sets",
    "busybox": "benchmarks.busybox_images",
    "declarations": "benchmarks.declarations",
    "installed": "benchmarks.installed",
    "programs": "benchmarks.programs.battery",
    "resolving": "benchmarks.resolving",
    "scripts": "benchmarks.scripts",
    "slimming": "benchmarks.slimming.battery",
}


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in PROGRAMS:
        importlib.import_module(PROGRAMS[sys.argv[1]]).main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("module", nargs="*", help=f"which to run: {', '.join(MODULES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=7, help="how often each case runs (default: %(default)s)")
    parser.add_argument("--tree", type=Path, default=Path("/usr"), help="the folder to take files from (default: /usr)")
    parser.add_argument("--megabytes", type=int, default=170, help="how much of it (default: %(default)s)")
    parser.add_argument("--scratch", type=Path, help="where to write (default: a temporary folder)")
    parser.add_argument("--large", action="store_true", help="also pack 1.5 GB of the tree's folder, for the memory")
    options = parser.parse_args()
    unknown = set(options.module) - set(MODULES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(MODULES)}")
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=options.scratch) as scratch:
        folder = Path(scratch, "tree")
        tree = sample(options.tree, options.megabytes, folder)
        print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
        for name in options.module or MODULES:
            for group in MODULES[name](tree, folder, Path(scratch)):
                print(table(group, *measure(group, options.rounds)), flush=True)
        if options.large:
            group = packing.large(options.tree, Path(scratch))
            print(table(group, *measure(group, options.rounds)), flush=True)


if __name__ == "__main__":
    main()

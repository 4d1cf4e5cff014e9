"""`python -m benchmarks installed`: our trees of Debian packages beside the same packages installed by apt.

Each is installed in an overlay over a chroot, where no service starts; what differs in accounts, folders, owners,
modes, links and contents is listed. Needs root, mmdebstrap, and the network of apt.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import get_args

from platformdirs import user_cache_path

from fromscratch import Store
from fromscratch.host.machine import apt
from tests.installed.beside import compared, sources
from tests.installed.comparison import Verdict
from tests.installed.control import made_base

_BASE = user_cache_path("fromscratch-installed")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks installed", description=__doc__)
    parser.add_argument("sets", nargs="+", help="packages joined by +, such as gcc+libc6-dev")
    parser.add_argument("--suite", default="trixie")
    parser.add_argument(
        "--mirror", help="of which debian/ and debian-security/ are taken; this machine's when left out"
    )
    parser.add_argument("--base", type=Path, default=_BASE, help="where the chroot is (default: %(default)s)")
    parser.add_argument("--all", action="store_true", help="list also what is left out and told, or never wanted")
    options = parser.parse_args(arguments)
    store = Store(user_cache_path("fromscratch"))
    base = made_base(
        options.base / options.suite, options.suite, sources(options.suite, options.mirror or own_mirror())
    )
    unexplained = 0
    for name in options.sets:
        with tempfile.TemporaryDirectory(prefix="installed-", dir=options.base) as scratch:
            found = compared(name.split("+"), options.suite, base, store, Path(scratch))
        counts = Counter(one.verdict for one in found)
        print(f"{name}: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict)))
        for one in found:
            if options.all or one.verdict == "unexplained":
                print(f"  {one}", flush=True)
        unexplained += counts["unexplained"]
    print(f"\n{len(options.sets)} sets, {unexplained} unexplained differences")


def own_mirror() -> str:
    """The mirror of Debian that this machine's apt has, without the archive's name."""
    return (
        next(one.uri for one in apt.mirrors() if one.uri.rstrip("/").endswith("/debian"))
        .rstrip("/")
        .removesuffix("/debian")
    )

"""What lies in the store for later builds, as `doctor` shows it: compiled files, and unpacked toolchains."""

import re
from pathlib import Path

from fromscratch.host.process import run
from fromscratch.host.storage.store import Store
from fromscratch.sources.buildroot.toolchain import sdk

# The folder of each ccache: of our compiler's wrapper, and of Buildroot's own.
_CACHES = ("ccache", "ccache-buildroot")


def compiled_files(store: Store) -> str:
    """The size of what ccache keeps, and how often it had what was wanted."""
    found = [place for name in _CACHES for place in _caches(store.root / "work" / name)]
    if not found:
        return "none yet"
    size = sum(path.stat().st_size for place in found for path in place.rglob("*") if path.is_file())
    counted = [_counts(place) for place in found]
    hits, misses = (sum(each) for each in zip(*counted, strict=True))
    asked = f", {hits} of {hits + misses} calls of compilers were hits" if hits + misses else ""
    return f"{size / 1e6:.0f} MB in ccache{asked}"


def toolchains(store: Store) -> str:
    """How many archives of toolchains are unpacked."""
    done = sorted((store.root / "work" / sdk.FOLDERS).glob("*/relocated"))
    size = sum(path.lstat().st_size for each in done for path in (each.parent / "sdk").rglob("*"))
    return f"{len(done)} unpacked, {size / 1e6:.0f} MB" if done else "none unpacked"


def _caches(top: Path) -> list[Path]:
    """The folder itself, or those below it that are caches."""
    return [each for each in (top, *(sorted(top.iterdir()) if top.is_dir() else ())) if (each / "0").is_dir()]


def _counts(place: Path) -> tuple[int, int]:
    """Hits and misses of a cache; none of one that no ccache on this machine can read."""
    program = run.find("ccache")
    if program is None:
        return 0, 0
    environment = run.environment({"CCACHE_DIR": str(place), "CCACHE_CONFIGPATH": "/dev/null"})
    said = run.run([program, "--print-stats"], env=environment, check=False).stdout.decode("utf-8", "replace")
    counts = {name: int(number) for name, number in re.findall(r"^(\w+)\t(\d+)$", said, re.MULTILINE)}
    hits = counts.get("direct_cache_hit", 0) + counts.get("preprocessed_cache_hit", 0)
    return hits, counts.get("cache_miss", 0)

"""Hold the readers together for as long as you like, and print what they read in different ways.

python -m tests.tar_readers --minutes 60            # from the number 0
python -m tests.tar_readers --first 4711 --count 1  # one case again
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.engines import docker_daemon, podman_engine
from tests.tar_readers.cases import case
from tests.tar_readers.comparison import Comparison
from tests.tar_readers.readers import Reader, of_docker, of_podman, of_umoci

_BATCH = 250


@contextmanager
def engines(folder: Path, running: Path) -> Iterator[dict[str, Reader]]:
    daemon = docker_daemon(folder / "docker")
    (folder / "docker").mkdir()
    try:
        docker, podman = next(daemon), podman_engine(folder / "podman", running)
        yield {"docker": of_docker(docker), "podman": of_podman(podman), "umoci": of_umoci}
    finally:
        daemon.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tar_readers", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=10**9)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    with ExitStack() as stack:
        folder, running = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        comparison = Comparison(stack.enter_context(engines(folder, running)), folder / "work")
        number, last = options.first, options.first + options.count
        while number < last and time.monotonic() < end:
            comparison.take(map(case, range(number, min(number + _BATCH, last))))
            number += _BATCH
            for line in comparison.differences:
                print(line, flush=True)
            comparison.counts["differences"] += len(comparison.differences)
            comparison.differences.clear()
        print(dict(comparison.counts))
    return 1 if comparison.counts["differences"] else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""python -m tests.endurance [kills|faults|disks] COUNT [SEED]: so many whole runs killed, hindered, or short of room.

Prints what went wrong and how often each ended how; the exit code is 1 if anything went wrong. Its folder stays.
"""

import sys
import tempfile
from pathlib import Path

from tests.endurance import hindrances
from tests.endurance.bench import Bench, warmed_up


def main() -> None:
    what, count = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    warmed_up()
    bench = Bench(Path(tempfile.mkdtemp(prefix=f"endurance-{what}-")))
    print(bench.place, flush=True)
    bench.lay_out()
    (bench.place / "tmp").mkdir()
    figures = hindrances.BY_NAME[what](bench, count, seed)
    print(figures)
    sys.exit(hindrances.WRONG in figures)


main()

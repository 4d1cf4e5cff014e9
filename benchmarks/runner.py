"""Runs cases round by round and tells medians, spreads and ratios.

The cases of a group take turns within a round, so that a machine that slows down does so for all.
Each case is a process of its own, a shell pipeline or a fork of this one that runs a function, so
its CPU time and peak memory are the kernel's figures for it. (A fork begins with this process's
memory; what a whole run of ours needs is told by the cases that start Python anew.)
"""

import gc
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """`work` is a function, or a pipeline for the shell. `output` is the file it writes, if its size matters.

    `needs` are the programs without which the case is skipped.
    """

    name: str
    work: Callable[[], object] | str
    output: Path | None = None
    needs: Sequence[str] = ()


@dataclass(frozen=True)
class Part:
    """A case that does one part of the job alone, in one thread; `divisible` if several could share it."""

    case: str
    divisible: bool = False


@dataclass(frozen=True)
class Group:
    """Cases that do the same job; the ratios are to the first. `units` is how many things one run handles.

    `parts` are cases too: what they take together on all CPUs, and the longest that cannot be divided,
    is the limit, which no program that does all of them goes below.
    """

    title: str
    cases: Sequence[Case]
    note: str = ""
    units: int = 0
    unit: str = "entry"
    parts: Sequence[Part] = ()


@dataclass
class Measured:
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: int = 0
    size: int = 0


def measure(group: Group, rounds: int) -> tuple[dict[str, Measured], list[str]]:
    """The figures of each case, and what was skipped and why. One more round comes first, for the caches."""
    skipped = []
    present = []
    for case in group.cases:
        missing = [program for program in case.needs if shutil.which(program) is None]
        if missing:
            skipped.append(f"{case.name}: there is no {', '.join(missing)}")
        else:
            present.append(case)
    found = {case.name: Measured() for case in present}
    for number in range(rounds + 1):
        for case in present:
            wall, cpu, memory = _run(case)
            one = found[case.name]
            if number:
                one.wall.append(wall)
                one.cpu.append(cpu)
            one.memory = max(one.memory, memory)
            if case.output is not None:
                one.size = case.output.stat().st_size
                case.output.unlink()
        if sys.stderr.isatty():
            print(f"\r{group.title}: round {number} of {rounds}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return found, skipped


def table(group: Group, found: dict[str, Measured], skipped: list[str]) -> str:
    """The figures as text."""
    lines = [group.title, "=" * len(group.title)]
    if group.note:
        lines.append(group.note)
    base = next(iter(found.values()))
    width = max([len(name) for name in found] + [4])
    limit, reckoning = _limit(group.parts, found)
    titles = [f"{'wall ms':>9} {'spread':>8} {'CPU ms':>8} {'RSS MB':>7} {'size MB':>8}"]
    titles += (
        [f"{'per ' + group.unit:>12}"] * bool(group.units) + [f"{'ratio':>7}"] + [f"{'of limit':>9}"] * bool(limit)
    )
    lines.append(f"{'':{width}}  {' '.join(titles)}")
    for name, one in found.items():
        wall = statistics.median(one.wall)
        ratio = statistics.median(mine / theirs for mine, theirs in zip(one.wall, base.wall, strict=True))
        row = [f"{wall * 1e3:9.1f} {_spread(one.wall):>8} {statistics.median(one.cpu) * 1e3:8.0f}"]
        row.append(f"{one.memory / 1024:7.1f} " + (f"{one.size / 1e6:8.2f}" if one.size else " " * 8))
        if group.units:
            row.append(f"{wall / group.units * 1e6:10.2f}us")
        row.append(f"{ratio:7.{2 if ratio >= 0.1 else 4}f}")
        if limit and name not in {part.case for part in group.parts}:
            row.append(f"{wall / limit:9.2f}")
        lines.append(f"{name:{width}}  {' '.join(row)}")
    if limit:
        lines.append(f"limit: {reckoning} = {limit * 1e3:.0f} ms")
    lines += [f"skipped  {reason}" for reason in skipped]
    return "\n".join(lines) + "\n"


def _limit(parts: Sequence[Part], found: dict[str, Measured]) -> tuple[float, str]:
    """Seconds, and how they come about; zero without parts."""
    if not parts:
        return 0.0, ""
    cpus = os.cpu_count() or 1
    times = {part.case: statistics.median(found[part.case].cpu) for part in parts}
    together = sum(times.values()) / cpus
    name, longest = max(((part.case, times[part.case]) for part in parts if not part.divisible), key=lambda one: one[1])
    if longest > together:
        return longest, f"{name}, which one thread must do,"
    return together, f"({' + '.join(f'{time * 1e3:.0f}' for time in times.values())}) ms on {cpus} CPUs"


def _spread(values: list[float]) -> str:
    """Half the distance between the quartiles, of the median."""
    if len(values) < 2:
        return "-"
    low, middle, high = statistics.quantiles(values, n=4)
    return f"±{(high - low) / 2 / middle * 100:.1f}%"


def _run(case: Case) -> tuple[float, float, int]:
    """Wall and CPU seconds, and peak kilobytes of the process or of its largest child."""
    gc.collect()
    if isinstance(case.work, str):
        return _SHELL.run(case)
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        _in_child(case.work)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    _check(case, status)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def _check(case: Case, status: int) -> None:
    if status:
        raise SystemExit(f"{case.name} failed with status {os.waitstatus_to_exitcode(status)}")


def _in_child(work: Callable[[], object]) -> None:
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


_SERVER = """
import os, sys, time
for line in sys.stdin:
    start = time.perf_counter()
    child = os.posix_spawn("/bin/bash", ["bash", "-o", "pipefail", "-c", bytes.fromhex(line).decode()], os.environ)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, status, flush=True)
"""


class _Shell:
    """A small process that starts the pipelines.

    For the kernel, the peak memory of a program is at least that of the process that started it.
    """

    def __init__(self) -> None:
        # What is installed has its bytecode, so the round for the caches may write it.
        surrounding = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        command = f"exec {shlex.quote(sys.executable)} -I -S -c {shlex.quote(_SERVER)}"
        self._process = subprocess.Popen(
            command,
            shell=True,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**surrounding, "LC_ALL": "C.UTF-8"},
        )

    def run(self, case: Case) -> tuple[float, float, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(str(case.work).encode().hex(), file=self._process.stdin, flush=True)
        wall, cpu, memory, status = self._process.stdout.readline().split()
        _check(case, int(status))
        return float(wall), float(cpu), int(memory)


_SHELL = _Shell()

"""A limit on how many processes a container may have, by a control group: the only limit that applies to root."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_PREFIX = "fromscratch-"


@contextmanager
def limited(number: int) -> Iterator[Callable[[int], None]]:
    """A group for `number` processes, removed afterwards; the function that it gives moves a process into it.

    Where no group can be made, as in most containers, there is no limit. With 0 none is made.
    """
    group = _new_group(number) if number else None

    def join(pid: int) -> None:
        if group is not None:
            with suppress(OSError):
                (group / "cgroup.procs").write_text(str(pid))

    try:
        yield join
    finally:
        if group is not None:
            with suppress(OSError):
                group.rmdir()


def _new_group(number: int) -> Path | None:
    for parent in _parents():
        group = parent / f"{_PREFIX}{os.urandom(8).hex()}"
        try:
            for left in parent.glob(f"{_PREFIX}*"):  # left by a killed process; the kernel refuses to remove one in use
                with suppress(OSError):
                    left.rmdir()
            group.mkdir()
        except OSError:
            continue
        try:
            (group / "pids.max").write_text(str(number))
        except OSError:
            group.rmdir()
            continue
        return group
    return None


def _parents() -> Iterator[Path]:
    """The groups of this process that can count processes: cgroups(7), version 1 and 2."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            if "pids" in controllers.split(","):
                yield _GROUPS / "pids" / place.lstrip("/")
            elif not controllers:
                yield _GROUPS / place.lstrip("/")

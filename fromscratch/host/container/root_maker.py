"""Running programs that make a root filesystem, with the scripts of its packages, without giving them this machine.

They run as user 0 of a user namespace, with a process, mount, IPC and, unless they need it, network namespace of their
own. They see this machine read-only, without its users' folders, and may write to one folder, which they see as PLACE.
Their other users are the caller's subordinate users, subuid(5); for root, users that no account has; an ordinary user
without subordinate users has user 0 alone. The kernel has to be Linux 5.12 or later.
"""

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from fromscratch.advice import Command, advice
from fromscratch.errors import CommandFailed, MissingTool
from fromscratch.host.container import subordinate
from fromscratch.host.container.inside.root_maker import PLACE
from fromscratch.host.container.preparation import HOSTNAME
from fromscratch.host.container.spec import is_root
from fromscratch.host.process import run
from fromscratch.host.process.variables import SYSTEM_PATH
from fromscratch.host.storage import disk

__all__ = ["PLACE", "RootMaker", "Step"]

_PACKAGE = Path(__file__).parents[3]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.root_maker import main; main()"
)
_FIRST, _COUNT = 1_900_000_000, 65_536  # users of no account, and of no range that systemd or shadow give out
_SHOWN_LINES = 20
_ONE_USER = (
    "this user has no subordinate users, so that nothing can belong to anyone but user 0: give it some, as root: "
    "usermod -v 100000-165535 -w 100000-165535 NAME, and install uidmap"
)


class Step(Struct, frozen=True, kw_only=True):
    """A program to run: `doing` says what for, as in "installing packages"."""

    doing: str
    argv: Sequence[str]
    env: Mapping[str, str] = {}


class RootMaker:
    """`work` is the folder that the programs may write to, which the caller has made; `log` gets what they write.

    What is in the folders `read_only` of it, they can only read. In its folder `root` they find /proc, /sys and /dev.
    `handler` is how the kernel is told to run programs of another architecture (`host.container.emulator`).
    """

    def __init__(
        self, work: Path, log: Path | None = None, read_only: Sequence[str] = (), root: str = "", handler: bytes = b""
    ) -> None:
        self._work, self._log, self._read_only, self._root, self._handler = work, log, read_only, root, handler
        self._users = users()
        self.give(work)
        if log is not None:
            with disk.explained(log):
                log.parent.mkdir(parents=True, exist_ok=True)

    @property
    def is_shifted(self) -> bool:
        """Whether user 0 of the programs is another than the caller."""
        return bool(self._users["map"] == "range" and self._users["mapping"]["users"][0][1] == _FIRST)

    @property
    def has_one_user(self) -> bool:
        """Whether the programs have user 0 alone, and so can give nothing to another."""
        return bool(self._users["map"] == "own")

    def give(self, path: Path) -> None:
        """Let a file or folder belong to user 0 of the programs."""
        if self.is_shifted:
            with disk.explained(path):
                os.chown(path, _FIRST, _FIRST)

    def run(self, step: Step, on_line: Callable[[bytes], None], *, network: bool = False) -> None:
        """Run a program to its end. Raises CommandFailed with its last lines, MissingTool without namespaces."""
        last: deque[bytes] = deque(maxlen=_SHOWN_LINES)

        def line(raw: bytes) -> None:
            last.append(raw)
            on_line(raw)

        spec = {
            **self._users,
            "work": str(self._work),
            "network": network,
            "hostname": HOSTNAME,
            "parent": os.getpid(),
            "read_only": list(self._read_only),
            "root": self._root,
            "handler": self._handler.decode("latin-1"),
            "argv": list(step.argv),
            "env": {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/tmp", **step.env},
        }
        spec_file = self._work.with_name(f"{self._work.name}.json")
        disk.write_atomically(spec_file, json.dumps(spec).encode())
        errors, write_end = os.pipe()
        with open(errors, "rb") as report:
            try:
                words = [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE), str(spec_file), str(write_end)]
                code = run.follow(words, line, log=self._log, inherit=[write_end])
            finally:
                os.close(write_end)
                spec_file.unlink(missing_ok=True)
            failure = report.read()
        if failure:
            raise _cannot_start(json.loads(failure), step)
        if code:
            raise self._failed(step, code, last)

    def _failed(self, step: Step, code: int, last: Sequence[bytes]) -> CommandFailed:
        tail = "\n".join("  " + line.decode("utf-8", "replace").rstrip() for line in last)
        hint = f"the whole output is in {self._log}" if self._log else "run that command by hand to see more"
        if self.has_one_user:
            hint += f"; {_ONE_USER}"
        return CommandFailed(
            f"{Path(step.argv[0]).name} failed while {step.doing}, with exit code {code}:\n"
            f"  $ {run.shown(step.argv)}\n{tail}",
            hint,
        )


def users() -> dict[str, Any]:
    """Which users the programs have, as `inside.users.mapper` takes it."""
    if is_root():
        first = _FIRST if _is_mapped(_FIRST + _COUNT - 1) else 0
        lines = [[0, first, _COUNT]]
        return {
            "map": "range",
            "mapping": {"users": lines, "groups": lines, "user_program": "", "group_program": ""},
        }
    known = subordinate.mapping()
    if known is not None:
        return {"map": "range", "mapping": known.fields()}
    return {"map": "own", "uid": 0, "gid": 0}


def described_users() -> tuple[bool, str]:
    """Whether the programs can have more than one user, and which."""
    found = users()
    if found["map"] == "own":
        return False, "no subordinate users: everything would belong to user 0"
    count = sum(count for _, _, count in found["mapping"]["users"])
    return True, f"{count} users for the namespaces of the tools"


def _is_mapped(number: int) -> bool:
    """Whether this process's own namespace has that user."""
    lines = (line.split() for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(int(first) <= number < int(first) + int(count) for first, _, count in lines)


def _cannot_start(failure: dict[str, Any], step: Step) -> Exception:
    if failure["step"] == "bug":
        return RuntimeError(failure["text"])
    return MissingTool(
        f"{Path(step.argv[0]).name} needs namespaces, which the kernel does not let this user make ({failure['text']})",
        advice(
            "run it outside of containers and chroots, on Linux 5.12 or later; `", Command(("doctor",)), "` says more"
        ),
    )

"""The subordinate users of an ordinary user, subuid(5), for containers with more than one user: newuidmap(1)."""

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from fromscratch.host.process import run
from fromscratch.host.storage import disk

_PACKAGE = Path(__file__).parents[3]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.mapped import main; main()"
)
_LEAST = 1000  # fewer would not do for the accounts of a distribution
_PATIENCE = 600.0  # seconds, for a large tree


class Mapping(Struct, frozen=True):
    """How the users and groups of a namespace are those of this machine: lines of first inside, first here, count."""

    users: tuple[tuple[int, int, int], ...]
    groups: tuple[tuple[int, int, int], ...]
    user_program: str
    group_program: str

    def covers(self, uid: int, gid: int) -> bool:
        return _covers(self.users, uid) and _covers(self.groups, gid)

    def fields(self) -> dict[str, Any]:
        return {
            "users": [*map(list, self.users)],
            "groups": [*map(list, self.groups)],
            "user_program": self.user_program,
            "group_program": self.group_program,
        }


def _covers(lines: Sequence[tuple[int, int, int]], number: int) -> bool:
    return any(first <= number < first + count for first, _, count in lines)


@cache
def mapping() -> Mapping | None:
    """What this user may map, who is user 0 inside; None if that is nobody else, or the kernel does not let them."""
    programs = [run.find("newuidmap"), run.find("newgidmap")]
    users, groups = _ranges("/etc/subuid"), _ranges("/etc/subgid")
    if not all(programs) or not users or not groups:
        return None
    found = Mapping(_lines(os.geteuid(), users), _lines(os.getegid(), groups), programs[0] or "", programs[1] or "")
    return found if _in_namespace(found, []) else None


def remove(path: Path) -> None:
    """As `disk.remove`, also what belongs to the subordinate users. Raises OSError."""
    try:
        disk.remove(path)
    except PermissionError:
        known = mapping()
        if known is None or not _in_namespace(known, [str(path)]):
            raise
        disk.remove(path)


def _ranges(file: str) -> list[tuple[int, int]]:
    """First number and count of each range of this user."""
    uid = os.geteuid()
    owners = {str(uid)}
    try:
        owners.add(pwd.getpwuid(uid).pw_name)
        lines = Path(file).read_text(errors="replace").splitlines()
    except (OSError, KeyError):  # newuidmap refuses a user who has no name
        return []
    fields = [line.split(":") for line in lines]
    found = [
        (int(first), int(count))
        for owner, first, count in (parts for parts in fields if len(parts) == 3)
        if owner in owners and first.isdecimal() and count.isdecimal()
    ]
    return found if sum(count for _, count in found) >= _LEAST else []


def _lines(own: int, ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    lines, inside = [(0, own, 1)], 1
    for first, count in ranges:
        lines.append((inside, first, count))
        inside += count
    return tuple(lines)


def _in_namespace(known: Mapping, folders: Sequence[str]) -> bool:
    """Make a namespace with these users, and empty the folders as its root; whether that went well."""
    words = [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE), json.dumps(known.fields()), *folders]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PATIENCE, env={}
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

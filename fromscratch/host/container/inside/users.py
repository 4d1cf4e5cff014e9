"""Which users a new user namespace has: user_namespaces(7)."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.kernel import Failed


def mapper(spec: dict[str, Any]) -> Callable[[], None]:
    """What maps the users, to call in the new namespace: "own", "everyone" or "range" as `spec` says.

    For the last two a process that stays in the old namespace is forked here. Raises Failed then, and later.
    """
    if spec["map"] == "own":
        uid, gid = os.geteuid(), os.getegid()

        def map_own() -> None:
            kernel.write("/proc/self/setgroups", "deny")
            kernel.write("/proc/self/uid_map", f"{spec['uid']} {uid} 1")
            kernel.write("/proc/self/gid_map", f"{spec['gid']} {gid} 1")

        return map_own
    start, go = os.pipe()
    done, finished = os.pipe()
    if os.fork() == 0:
        os.close(go)
        try:
            # Nothing comes if the other process ends before it has a namespace.
            if os.read(start, 1) and _mapped(spec, os.getppid()):
                os.write(finished, b"y")
        finally:
            os._exit(0)
    os.close(finished)
    os.close(start)

    def map_others() -> None:
        os.write(go, b"g")
        os.close(go)
        answer = os.read(done, 1)
        os.wait()
        if not answer:
            refusal = PermissionError(errno.EPERM, "cannot map the users of a new namespace")
            raise Failed("namespaces", refusal)

    return map_others


def _mapped(spec: dict[str, Any], pid: int) -> bool:
    if spec["map"] == "everyone":
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{name}").write_text("0 0 4294967295")
        return True
    mapping = spec["mapping"]
    if not mapping["user_program"]:  # root writes them itself
        for name, lines in (("uid_map", mapping["users"]), ("gid_map", mapping["groups"])):
            text = "".join(f"{' '.join(map(str, line))}\n" for line in lines)
            Path(f"/proc/{pid}/{name}").write_text(text)
        return True
    for program, lines in ((mapping["user_program"], mapping["users"]), (mapping["group_program"], mapping["groups"])):
        numbers = [str(number) for line in lines for number in line]
        child = os.posix_spawn(program, [program, str(pid), *numbers], {})
        if os.waitpid(child, 0)[1]:
            return False
    return True

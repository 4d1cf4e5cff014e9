"""The process that makes the namespaces and waits outside of them."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.kernel import Failed
from fromscratch.host.container.inside.users import mapper
from fromscratch.host.container.inside.waiting import FORWARDED, wait

_START = "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.init import main; main()"
_PACKAGE = str(Path(__file__).parents[4])


def main() -> None:
    """`sys.argv` ends with the file that says what to do, the pipe for errors, and the socket for a terminal."""
    spec_file, error_fd, terminal_fd = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    try:
        spec = json.loads(Path(spec_file).read_bytes())
        # Before the namespaces: after them, in a chroot, the path would be relative to the outer root.
        program = _own_program()
        os.setsid()  # the terminal signals the caller only, who forwards the signals
        _enter_namespaces(spec)
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        child = os.fork()
        if child == 0:
            _become_init(spec, program, spec_file, error_fd, terminal_fd)
        if terminal_fd >= 0:
            os.close(terminal_fd)
        if spec["control"] is not None:
            os.close(spec["control"])
        os._exit(wait(child))
    except BaseException as failure:
        kernel.report(error_fd, failure)
    os._exit(1)


def _enter_namespaces(spec: dict[str, Any]) -> None:
    map_users = mapper(spec) if spec["map"] else None
    flags = kernel.NEWNS | kernel.NEWUTS | kernel.NEWIPC | kernel.NEWPID | kernel.NEWCGROUP
    if spec["network"] == "private":
        flags |= kernel.NEWNET
    kernel.call("namespaces", "unshare", flags | (kernel.NEWUSER if map_users else 0))
    if map_users is not None:
        map_users()
    kernel.end_with_parent(spec["parent"])


def _own_program() -> bytes:
    try:
        return os.readlink(b"/proc/self/exe")  # noqa: PTH115 - bytes
    except OSError as error:
        raise Failed("mount", error) from error


def _become_init(spec: dict[str, Any], program: bytes, spec_file: str, error_fd: int, terminal_fd: int) -> NoReturn:
    """Start Python again from a read-only mount.

    The command can reach the program of process 1, and of the process that it is started by, as /proc/1/exe and
    /proc/self/exe (CVE-2019-5736): root inside must neither write to it nor change its mode.
    """
    try:
        kernel.end_with_parent()
        kernel.mount(b"", b"/", flags=kernel.REC | kernel.PRIVATE)
        try:
            kernel.bind_read_only(program, program)
        except Failed as failure:
            raise Failed("mount", failure.error) from failure
        variables = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        words = [sys.executable, "-I", "-S", "-c", _START, _PACKAGE, spec_file, str(error_fd), str(terminal_fd)]
        if spec["map"] == "own":
            kernel.keep_capabilities_over_exec()
        os.execve(program, words, variables)  # noqa: S606 - no shell is wanted
    except BaseException as failure:
        kernel.report(error_fd, failure)
    os._exit(1)

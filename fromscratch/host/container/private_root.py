"""Starting an image without an engine: its tree in a private folder, its process in namespaces of its own.

This is for trying an image on the machine that built it, as an ordinary user where the kernel
allows that. docs/untrusted.md says what it holds against a hostile image, and what it does not.
Processes are started here and not by `host.process.run`: the command shares the caller's terminal, process group
and signals, and needs a pipe for errors.
"""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from fromscratch.formats.glibc.passwd import Identity, identity
from fromscratch.formats.oci_runtime import config as runtime_config
from fromscratch.formats.oci_runtime import seccomp
from fromscratch.host.container import emulator as emulators
from fromscratch.host.container import process_limit, start_failure
from fromscratch.host.container.materialise import materialise
from fromscratch.host.container.preparation import (
    HOSTNAME,
    Invocation,
    command_of,
    environment,
    forwarding,
    gives_privileges,
    private_folder,
    with_places,
)
from fromscratch.host.container.streams import Streams, container_streams, terminals
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs

_PACKAGE = Path(__file__).parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.outer import main; main()"
_CAP_SYS_ADMIN = 1 << 21

UserMap = Literal["", "own", "everyone"]
"""Which users a new user namespace has: the caller alone, or all under their own numbers; empty: no namespace."""


def run_in_private_root(invocation: Invocation) -> int:
    """Run a command in the root of an image, and give its exit code (128 + N for signal N).

    The command has the caller's standard streams and terminal, a loopback device as its only network, the
    environment of the image, and process, mount, IPC and host-name namespaces of its own. It may write to
    its root, which is a copy that is removed afterwards, whatever happens.

    Root keeps owners, modes and attributes of the tree. An ordinary user needs unprivileged user
    namespaces, and everything in the tree belongs to the one user that the command runs as: no
    setuid bit has an effect then. Device nodes are left out but for the usual ones in /dev.

    Programs of another architecture run under qemu's user emulation; on Linux before 6.7 that holds
    for the first program only, not for those that it starts.

    Raises UsageError when the image has no command or no such user, MissingTool when the kernel or a
    program is lacking, ImageError when the command cannot be started.
    """
    tree, config, platform = invocation.tree, invocation.config, invocation.platform
    words = command_of(config, invocation.argv)
    who = identity(tree, config.user)
    emulator = emulators.emulator(platform)
    root = _is_root()
    users: UserMap = "everyone" if root and emulator else "" if root else "own"
    with private_folder(invocation.workdir) as place:
        with invocation.progress.task("preparing the root", unit="B"):
            (place / "root").mkdir()
            materialise(with_places(tree, config.working_dir), place / "root")
        spec = {
            "root": str(place / "root"),
            "argv": words,
            "env": environment(config, who),
            "cwd": config.working_dir or "/",
            "terminals": list(terminals()),
            "parent": os.getpid(),
            **_identity_spec(who, users),
            **_emulation_spec(emulator),
            **_confinement(tree, users),
        }
        (place / "spec.json").write_text(json.dumps(spec))
        streams = container_streams(who.uid, owner=os.geteuid() if users == "own" else who.uid)
        with process_limit.limited(runtime_config.PROCESSES if root else 0) as join_group:
            return _supervise(place / "spec.json", words, platform, streams, join_group)


def _identity_spec(who: Identity, users: UserMap) -> dict[str, Any]:
    return {"uid": who.uid, "gid": who.gid, "groups": list(who.groups), "hostname": HOSTNAME, "map": users}


def _emulation_spec(emulator: emulators.Emulator | None) -> dict[str, Any]:
    if emulator is None:
        return {"emulator": "", "handler": ""}
    return {"emulator": str(emulator.program), "handler": emulator.handler.decode("latin-1")}


def _confinement(tree: Rootfs, users: UserMap) -> dict[str, Any]:
    """What the command may do and see: the same limits that an OCI runtime is given."""
    here = Platform.of_this_machine().architecture
    return {
        "filter": base64.b64encode(seccomp.filter_program(here)).decode(),
        "keyctl": seccomp.numbers(here).get("keyctl"),
        # With one user only, no program can be setuid to another.
        "no_new_privileges": users == "own" or not any(map(gives_privileges, tree.values())),
        "capabilities": list(runtime_config.CAPABILITIES.values()),
        "masked": list(runtime_config.MASKED),
        "read_only": list(runtime_config.READ_ONLY),
        "processes": runtime_config.PROCESSES if users == "own" and _counts_processes_by_namespace() else 0,
    }


def _counts_processes_by_namespace() -> bool:
    """Whether a limit on a user's processes counts those of a user namespace alone: Linux 5.14."""
    numbers = re.findall(r"\d+", os.uname().release)
    return tuple(map(int, numbers[:2])) >= (5, 14)


def _supervise(
    spec: Path,
    words: list[str],
    platform: Platform,
    streams: AbstractContextManager[Streams],
    join_group: Callable[[int], None],
) -> int:
    errors, write_end = os.pipe()
    with open(errors, "rb") as report, streams as ends:
        inherited = (write_end, *([ends.channel] if ends.channel >= 0 else []))
        words_of_child = [str(_PACKAGE), str(spec), str(write_end), str(ends.channel)]
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, *words_of_child],
                stdout=ends.stdout,
                stderr=ends.stderr,
                pass_fds=inherited,
            )
        finally:
            os.close(write_end)
            ends.close_child_ends()
        with process:
            try:
                join_group(process.pid)
                with forwarding(process.send_signal, ends.resized, ends.resumed):
                    ends.begin()
                    code = process.wait()
            except BaseException:
                process.kill()
                raise
        failure = report.read()
    if failure:
        raise start_failure.error_for(json.loads(failure), words, platform)
    return code if code >= 0 else 128 - code


def _is_root() -> bool:
    """Whether this process may make namespaces without a user namespace, as root outside of containers may."""
    if os.geteuid() != 0:
        return False
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return True  # the call that needs /proc fails with the better message
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return bool(found and int(found[1], 16) & _CAP_SYS_ADMIN)

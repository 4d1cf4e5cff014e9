"""Starting an image without an engine: its tree in a private folder, its process in namespaces of its own.

This is for trying an image on the machine that built it, as an ordinary user where the kernel
allows that. docs/untrusted.md says what it holds against a hostile image, and what it does not.
Processes are started here and not by `host.process.run`: the command shares the caller's terminal, process group
and signals, and needs a pipe for errors.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from fromscratch.formats.glibc.passwd import identity
from fromscratch.formats.oci_runtime import config as runtime_config
from fromscratch.host.container import emulator as emulators
from fromscratch.host.container import process_limit, spec, start_failure
from fromscratch.host.container.materialise import materialise
from fromscratch.host.container.preparation import (
    Invocation,
    command_of,
    environment,
    forwarding,
    private_folder,
    with_places,
)
from fromscratch.host.container.streams import Streams, container_streams, terminals
from fromscratch.model.image import Platform

_PACKAGE = Path(__file__).parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.outer import main; main()"


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
    users = spec.user_map(emulator)
    with private_folder(invocation.workdir) as place:
        with invocation.progress.task("preparing the root", unit="B"):
            (place / "root").mkdir()
            materialise(with_places(tree, config.working_dir), place / "root")
        program = spec.Program(words, environment(config, who), config.working_dir, who)
        document = {
            **spec.document(place / "root", tree, users, emulator),
            **program.fields(),
            "terminals": list(terminals()),
        }
        (place / "spec.json").write_text(json.dumps(document))
        streams = container_streams(who.uid, owner=os.geteuid() if users == "own" else who.uid)
        with process_limit.limited(runtime_config.PROCESSES if users != "own" else 0) as join_group:
            return _supervise(place / "spec.json", words, platform, streams, join_group)


def _supervise(
    spec_file: Path,
    words: list[str],
    platform: Platform,
    streams: AbstractContextManager[Streams],
    join_group: Callable[[int], None],
) -> int:
    errors, write_end = os.pipe()
    with open(errors, "rb") as report, streams as ends:
        inherited = (write_end, *([ends.channel] if ends.channel >= 0 else []))
        words_of_child = [str(_PACKAGE), str(spec_file), str(write_end), str(ends.channel)]
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

"""The namespaces of a running container, from the writing of its root to the end of its last process."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

from fromscratch.formats.glibc.passwd import Identity, identity
from fromscratch.formats.oci_runtime import config as runtime_config
from fromscratch.host.container import emulator as emulators
from fromscratch.host.container import process_limit, spec, start_failure
from fromscratch.host.container.control import Control
from fromscratch.host.container.materialise import materialise
from fromscratch.host.container.preparation import Invocation, environment, private_folder, with_places
from fromscratch.model.content import Inline
from fromscratch.model.entry import file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path

_PACKAGE = Path(__file__).parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.outer import main; main()"
_DEATH = 20.0  # seconds: the kernel may first have to end many processes
_RESOLVER = Path("/etc/resolv.conf")

Network = Literal["private", "host"]
"""Only a loopback device of its own, or the network of this machine."""


class Inside(Struct, frozen=True):
    """How to talk to a container that has been made; `who` is the user of the image's configuration."""

    control: Control
    who: Identity
    users: spec.UserMap


@contextmanager
def namespaces(invocation: Invocation, network: Network) -> Iterator[Inside]:
    """A container in which nothing but its process 1 runs; no process is left at the end. Raises as `running` does."""
    tree, config = invocation.tree, invocation.config
    who = identity(tree, config.user)
    emulator = emulators.emulator(invocation.platform)
    users = spec.user_map(emulator)
    with private_folder(invocation.workdir) as place:
        with invocation.progress.task("preparing the root", unit="B"):
            (place / "root").mkdir()
            materialise(_with_resolver(with_places(tree, config.working_dir), network), place / "root")
        control = Control()
        nothing = spec.Program((), environment(config, who, terminal=False), config.working_dir, who)
        document = {
            **spec.document(place / "root", tree, users, emulator),
            **nothing.fields(),
            "control": control.inherited(),
            "network": network,
        }
        (place / "spec.json").write_text(json.dumps(document))
        with (
            process_limit.limited(runtime_config.PROCESSES if users != "own" else 0) as join_group,
            _process(place / "spec.json", control, invocation) as process,
        ):
            join_group(process.pid)
            yield Inside(control, who, users)


def _with_resolver(tree: Rootfs, network: Network) -> Rootfs:
    """With this machine's network, its name servers too, as engines do it."""
    if network == "private":
        return tree
    with suppress(OSError):
        content = Inline(_RESOLVER.read_bytes())
        return tree.with_entries({tree.locate(tree_path(str(_RESOLVER))): file(content)})
    return tree


@contextmanager
def _process(spec_file: Path, control: Control, invocation: Invocation) -> Iterator[subprocess.Popen[bytes]]:
    """The process that makes the namespaces and waits outside of them, while its child is ready to be asked."""
    errors, write_end = os.pipe()
    with open(errors, "rb") as report:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE), str(spec_file), str(write_end), "-1"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(write_end, control.inherited()),
            )
        finally:
            os.close(write_end)
            control.close_other_end()
        try:
            ready = control.wait_until_ready()
            if ready:
                yield process
        finally:
            _end(process, control)
        failure = report.read()
    if failure:
        raise start_failure.error_for(json.loads(failure), [""], invocation.platform)
    if not ready:
        raise RuntimeError("process 1 of a container ended, and did not report why")


def _end(process: subprocess.Popen[bytes], control: Control) -> None:
    """End the container, and wait until the last of its processes is gone."""
    first = -1
    with suppress(OSError):  # it has ended
        first = os.pidfd_open(control.pid) if control.pid > 0 else -1
    control.close()
    try:
        process.wait(_DEATH)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if first >= 0:
            select.select([first], [], [], _DEATH)
            os.close(first)

"""The namespaces of a running container, from the writing of its root to the end of its last process."""

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from fromscratch.formats.glibc.passwd import Identity, identity
from fromscratch.formats.oci_runtime import config as runtime_config
from fromscratch.formats.oci_runtime import one_user
from fromscratch.host.container import emulator as emulators
from fromscratch.host.container import process_limit, spec, start_failure, subordinate
from fromscratch.host.container.control import Control, is_readable
from fromscratch.host.container.materialise import materialise, owners
from fromscratch.host.container.preparation import Invocation, environment, private_folder, with_places
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs

_PACKAGE = Path(__file__).parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.container.inside.outer import main; main()"
_DEATH = 20.0  # seconds: the kernel may first have to end many processes
_RESOLVER = Path("/etc/resolv.conf")

Network = Literal["private", "host"]
"""Only a loopback device of its own, or the network of this machine."""


class Inside(Struct, frozen=True):
    """How to talk to a container that has been made; `who` is the user of the image's configuration.

    `mapping` tells which users it has if `users` is "range".
    """

    control: Control
    who: Identity
    users: spec.UserMap
    mapping: subordinate.Mapping | None


class WrittenRoot(Struct, frozen=True):
    """The tree of an image, written once into a folder over which several containers start."""

    place: Path


@contextmanager
def written_root(invocation: Invocation) -> Iterator[WrittenRoot]:
    """Write the tree of an image below its `workdir`; removed at the end of the block. Raises ImageError."""
    with private_folder(invocation.workdir) as place:
        with invocation.progress.task("preparing the root", unit="B"):
            for name in ("root", "changes"):
                (place / name).mkdir()
            materialise(_with_places(invocation), place / "root")
        yield WrittenRoot(place)


@contextmanager
def namespaces(invocation: Invocation, network: Network, root: WrittenRoot | None) -> Iterator[Inside]:
    """A container in which nothing but its process 1 runs; no process is left at the end. Raises as `running` does.

    As root, its root is an overlay where the kernel can do that; so it is over a `root` that stays as it was written.
    Where it cannot be, the tree is written once more.
    """
    with ExitStack() as stack:
        own = root or stack.enter_context(written_root(invocation))
        inside = stack.enter_context(_over(invocation, network, own.place, layered=spec.is_root() or root is not None))
        if root is not None and not inside.control.overlaid:
            stack.close()
            own = stack.enter_context(written_root(invocation))
            inside = stack.enter_context(_over(invocation, network, own.place, layered=False))
        yield inside


@contextmanager
def _over(invocation: Invocation, network: Network, place: Path, *, layered: bool) -> Iterator[Inside]:
    tree, config = invocation.tree, invocation.config
    who = identity(tree, config.user)
    emulator = emulators.emulator(invocation.platform)
    users, mapping = spec.user_map(emulator), None
    if users == "own" and (mapping := subordinate.mapping()) is not None and mapping.covers(who.uid, who.gid):
        users = "range"
    given = place / "given"  # says that the files have their owners already
    control = Control()
    nothing = spec.Program((), environment(config, who, terminal=False), config.working_dir, who)
    document = {
        **spec.document(place / "root", tree, users, emulator),
        **nothing.fields(),
        "layered": layered,
        "mapping": mapping.fields() if mapping else None,
        "owners": _owners(invocation) if users == "range" and not given.exists() else [],
        "control": control.inherited(),
        "network": network,
        # Root of the image, as the only user: it could neither chown(2) nor become another user, and many servers do.
        "one_user": _one_user() if users == "own" and who.uid == 0 else "",
        "open_ports": network == "private",
        "resolver": _name_servers() if network == "host" else "",
    }
    with (
        tempfile.NamedTemporaryFile("w", dir=place, suffix=".json") as file,
        process_limit.limited(runtime_config.PROCESSES if spec.is_root() else 0) as join_group,
    ):
        file.write(json.dumps(document))
        file.flush()
        with _process(Path(file.name), control, invocation, join_group):
            if users == "range":
                given.touch()
            yield Inside(control, who, users, mapping)


def _one_user() -> str:
    return base64.b64encode(one_user.program(Platform.of_this_machine().architecture)).decode()


def _owners(invocation: Invocation) -> object:
    return msgspec.to_builtins(owners(_with_places(invocation)))


def _with_places(invocation: Invocation) -> Rootfs:
    return with_places(invocation.tree, invocation.config.working_dir, names_as_engines=True)


def _name_servers() -> str:
    """This machine's, for a container in its network, as engines do it."""
    with suppress(OSError):
        return _RESOLVER.read_text(errors="replace")
    return ""


@contextmanager
def _process(
    spec_file: Path, control: Control, invocation: Invocation, join_group: Callable[[int], None]
) -> Iterator[None]:
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
            join_group(process.pid)  # its children are then in the group too
            ready = control.wait_until_ready()
            if ready:
                yield
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
            is_readable(first, _DEATH)
            os.close(first)

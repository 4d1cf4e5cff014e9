"""Starting an image by an installed OCI runtime, crun or runc, in a bundle that is written for it."""

import errno
import json
import os
import re
import signal
import socket
import stat
import subprocess
import termios
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.formats.glibc.passwd import Identity, identity
from fromscratch.formats.oci_runtime.config import Start, config_json
from fromscratch.host.container import emulator, start_failure
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
from fromscratch.host.container.terminal import write
from fromscratch.host.process import run
from fromscratch.limits import json_value
from fromscratch.model.entry import File
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs

RUNTIMES = ("crun", "runc")
_GROUPS = Path("/sys/fs/cgroup")
_INITS = ("catatonit", "docker-init", "tini-static", "tini")


class CannotRunHere(ImageError):
    """The runtime is installed, and cannot start this container on this machine."""


class Runtime(Struct, frozen=True):
    """An installed runtime; `version` is the first line that it prints about itself."""

    name: str
    program: str
    version: str


def container_pid(container: str) -> int | None:
    """Process 1 of a container that a runtime was asked to start, as this machine numbers it; None without one."""
    for name in RUNTIMES:
        program = run.find(name)
        if program is None:
            continue
        found = run.run([program, "state", container], check=False, timeout=10)
        with suppress(ValueError):
            pid = json_value(found.stdout).get("pid")
            if isinstance(pid, int) and pid > 0:
                return pid
    return None


def installed(names: Sequence[str] = RUNTIMES) -> list[Runtime]:
    """Those of these runtimes that are installed and answer."""
    found = []
    for name in names:
        program = run.find(name)
        if program is None:
            continue
        with suppress(ImageError):
            lines = run.run([program, "--version"], timeout=10).stdout.decode("utf-8", "replace").splitlines()
            found.append(Runtime(name, program, lines[0] if lines else name))
    return found


def run_in_runtime(runtime: Runtime, invocation: Invocation) -> int:
    """As `run_in_private_root`, by a runtime. Raises CannotRunHere as well, when nothing has been started."""
    tree, config = invocation.tree, invocation.config
    words, who = command_of(config, invocation.argv), identity(tree, config.user)
    _check_runs_here(runtime, who, invocation.platform)
    variables, cwd = environment(config, who), config.working_dir or "/"
    refusal = _refusal(tree, words[0], variables, cwd)
    if refusal:
        raise start_failure.cannot_start(refusal, words[0], invocation.platform)
    root = os.geteuid() == 0
    with private_folder(invocation.workdir) as place, invocation.progress.task("preparing the root", unit="B"):
        (place / "rootfs").mkdir()
        materialise(with_places(tree, config.working_dir), place / "rootfs")
        name = f"fromscratch-{os.urandom(8).hex()}"
        start = Start(
            argv=words,
            env=variables,
            cwd=cwd,
            who=who,
            hostname=HOSTNAME,
            architecture=Platform.of_this_machine().architecture,
            terminal=len(terminals()) == 3,
            no_new_privileges=not root or not any(map(gives_privileges, tree.values())),
            owner=None if root else (os.geteuid(), os.getegid()),
            init=_init(),
            group=f"/{name}" if root else "",
        )
        (place / "config.json").write_text(json.dumps(config_json(start)))
        return _supervise(runtime, place, name, start)


def _check_runs_here(runtime: Runtime, who: Identity, platform: Platform) -> None:
    """Raises CannotRunHere for what a runtime would refuse in words that do not help."""
    if emulator.emulator(platform) is not None:
        raise CannotRunHere(f"{runtime.name} starts no programs of {platform} here")
    lacking = start_failure.missing_prerequisite() or (
        "" if any(_GROUPS.glob("*")) else "there are no control groups here"
    )
    if lacking:  # runc would end in a Go panic, on the user's screen
        raise CannotRunHere(f"{runtime.name} cannot run here: {lacking}")
    if os.geteuid() and who.uid:
        raise CannotRunHere(f"{runtime.name} cannot start a container as user {who.uid} for an ordinary user")


def _refusal(tree: Rootfs, program: str, variables: dict[str, str], cwd: str) -> int:
    """The errno with which the start of a program would fail, as far as the tree shows; 0 if it would not."""
    if "/" in program:
        paths = [os.path.join(cwd, program)]  # noqa: PTH118 - a path of the image
    else:
        paths = [f"{part or cwd}/{program}" for part in variables.get("PATH", "").split(":")]
    entries = [entry for path in paths if (entry := tree.find(path)) is not None]
    if any(isinstance(entry, File) and entry.meta.mode & 0o111 for entry in entries):
        return 0
    return errno.EACCES if entries else errno.ENOENT


def _init() -> str:
    """A small program to be process 1, as with `docker run --init`; without it, many signals would do nothing."""
    for name in _INITS:
        program = run.find(name)
        if program and emulator.is_static(Path(program)):
            return str(Path(program).resolve())
    return ""


def _supervise(runtime: Runtime, place: Path, name: str, start: Start) -> int:
    """Run a prepared bundle to its end; the answer is the exit code of its command."""
    log, pid_file = place / "log.json", place / "pid"
    words = _command(runtime, place, name, start)
    uid = start.who.uid
    owner = start.owner[0] if start.owner else uid
    with ExitStack() as stack:
        streams = stack.enter_context(container_streams(uid, owner=owner, own_terminal=not start.terminal))
        ends = stack.enter_context(_runtime_streams(streams, uid))
        if start.terminal:
            stack.enter_context(_terminal_restored())
        try:
            process = subprocess.Popen(words, stdin=ends[0], stdout=ends[1], stderr=ends[2], env=run.environment())
        except OSError as error:
            raise CannotRunHere(f"{runtime.name} cannot be started: {error.strerror}") from error
        finally:
            streams.close_child_ends()
        ended: list[int] = []

        def pass_on(number: int) -> None:
            if start.init or not _needs_kill(pid_file, number):
                process.send_signal(number)
            else:
                ended.append(number)
                _signal(runtime, place, name, "KILL")

        with process:
            try:
                with forwarding(pass_on, streams.resized, streams.resumed):
                    streams.begin()
                    code = process.wait()
            except BaseException:
                process.terminate()
                _delete(runtime, place, name)
                raise
    if code and not pid_file.exists():
        raise _failure(runtime, log, start.argv[0])
    if ended:
        return 128 + ended[0]
    return code if code >= 0 else 128 - code


def _command(runtime: Runtime, place: Path, name: str, start: Start) -> list[str]:
    flags = ["--root", str(place / "state"), "--log", str(place / "log.json"), "--log-format", "json"]
    if runtime.name == "crun" and start.owner is not None:
        flags.append("--cgroup-manager=disabled")  # an ordinary user can make no group, and crun would not start
    return [runtime.program, *flags, "run", "--bundle", str(place), "--pid-file", str(place / "pid"), name]


def _needs_kill(pid_file: Path, number: int) -> bool:
    """Whether the command, as process 1, has no handler for a signal: the kernel drops it, and does not end it."""
    try:
        status = Path("/proc", pid_file.read_text().strip(), "status").read_text()
    except OSError:
        return False
    bits = [int(found, 16) for found in re.findall(r"^Sig(?:Cgt|Ign):\s*([0-9a-f]+)", status, re.MULTILINE)]
    return len(bits) == 2 and not any(known >> (number - 1) & 1 for known in bits)


def _signal(runtime: Runtime, place: Path, name: str, signal_name: str) -> None:
    with suppress(ImageError):
        run.run([runtime.program, "--root", str(place / "state"), "kill", name, signal_name], check=False, timeout=20)


def _delete(runtime: Runtime, place: Path, name: str) -> None:
    with suppress(ImageError):
        run.run([runtime.program, "--root", str(place / "state"), "delete", "--force", name], check=False, timeout=20)


@contextmanager
def _runtime_streams(streams: Streams, uid: int) -> Iterator[list[int | None]]:
    """The streams for a runtime: no file of the caller's, since it makes the command's user their owner."""
    ends: list[int | None] = [None, streams.stdout, streams.stderr]
    handles: list[int] = []
    if streams.bridge is not None:
        master, slave = os.openpty()
        with socket.socket(fileno=os.dup(streams.channel)) as channel:
            socket.send_fds(channel, [b"t"], [master])
        os.close(master)
        handles.append(slave)
        for stream in terminals():
            ends[stream] = slave
    elif uid and _is_file(0):
        read_end, write_end = os.pipe()
        handles.append(read_end)
        ends[0] = read_end
        threading.Thread(target=_feed, args=(write_end,), daemon=True).start()
    try:
        yield ends
    finally:
        for handle in handles:
            os.close(handle)


def _is_file(stream: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream).st_mode)
    except OSError:  # it is closed
        return False


def _feed(target: int) -> None:
    with suppress(OSError):  # EPIPE: nobody reads on
        while data := os.read(0, 1 << 16):
            write(target, data)
    os.close(target)


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """Restore the settings of the terminal at the end, even after a runtime that was killed."""
    state = termios.tcgetattr(0)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        with suppress(OSError, termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, state)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})


def _failure(runtime: Runtime, log: Path, program: str) -> ImageError:
    """The error for a container that a runtime did not start, from its log."""
    messages = []
    with suppress(OSError):
        for line in log.read_text(errors="replace").splitlines():
            with suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and entry.get("level") in ("error", "fatal"):
                    messages.append(str(entry.get("msg")))
    text = messages[-1] if messages else "it does not say why"
    numbers = {"no such file": errno.ELIBACC, "permission denied": errno.EACCES, "exec format": errno.ENOEXEC}
    for words, number in numbers.items():
        if re.search(rf"\bexec\b.*{words}", text, re.IGNORECASE):
            return start_failure.cannot_start(number, program, Platform.of_this_machine())
    return CannotRunHere(f"{runtime.name} cannot run here: {text}")

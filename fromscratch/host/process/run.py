"""The one gate through which programs are run: argument lists, a clean environment, errors to act on.

Every program runs in a session of its own, so that an interruption ends it with all its children.
"""

import contextlib
import errno
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from fromscratch.address import without_secrets
from fromscratch.errors import CommandFailed, MissingTool
from fromscratch.host.process import session
from fromscratch.host.process.deferred_signals import Hold
from fromscratch.host.process.stdin_pump import Feeder
from fromscratch.host.storage import disk, os_refusal

_KEPT = (
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "CONTAINER_HOST",
    "CONTAINERD_ADDRESS",
    "CONTAINERD_NAMESPACE",
    "CONTAINERD_SNAPSHOTTER",
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
    "BUILDAH_ISOLATION",
    "_CONTAINERS_USERNS_CONFIGURED",
    "_CONTAINERS_ROOTLESS_UID",
    "_CONTAINERS_ROOTLESS_GID",
    "REGISTRY_AUTH_FILE",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN_LINES = 20
GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Completed:
    returncode: int
    stdout: bytes
    stderr: bytes


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment that does not depend on who calls: C locale, UTC, few variables kept."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {"PATH": os.environ.get("PATH", _PATH), "LC_ALL": "C.UTF-8", "TZ": "UTC", **kept, **(extra or {})}


def find(program: str) -> str | None:
    """The path of a program, looked for in PATH and in the folders of system programs."""
    return shutil.which(program) or shutil.which(program, path=_PATH)


def need(program: str, why: str, install: str = "") -> str:
    """The path of a program. Raises MissingTool, saying what it is for and how to get it."""
    path = find(program)
    if path is None:
        raise MissingTool(
            f"{why} needs the program {program}, which is not on this machine",
            install or f"install it, on Debian for example with: apt-get install {program}",
        )
    return path


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | BinaryIO | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    timeout: float | None = None,
    grace: float = GRACE,
    hang_up: bool = False,
    outlives: bool = False,
) -> Completed:
    """Run a program to its end and keep what it says.

    `env` is the whole environment (default: `environment()`). `stdin` may be bytes or a stream,
    which is copied through a pipe; when reading that fails, the program is killed, so that it never
    takes the part for the whole, and that error is raised. Raises CommandFailed, with the command to paste and the last
    lines it wrote, when the program cannot start, takes longer than `timeout` seconds, or (with
    `check`) exits with other than 0. `grace` is as for `follow`. With `hang_up` a program that is to be
    stopped sees the end of its stream first, and has as long as `grace` to end by itself: for one that a
    part of its input makes fail, or that takes no time, and that a signal does not let tidy up. With
    `outlives` it speaks into files in memory: one that says something into a pipe when we have been killed is
    ended by SIGPIPE.
    """
    fed = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    feeder = None if stdin is None or isinstance(stdin, bytes) else Feeder(stdin, hang_up=hang_up)

    def let_go(process: subprocess.Popen[bytes]) -> None:
        if hang_up:
            if feeder is not None:
                feeder.stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=grace)

    with contextlib.ExitStack() as stack:
        said = [stack.enter_context(_said()) for _ in range(2 if outlives else 0)]
        stdout, stderr = (file.fileno() for file in said) if outlives else (subprocess.PIPE, subprocess.PIPE)
        started = _started(argv, stdin=fed, stdout=stdout, stderr=stderr, env=env, cwd=cwd, grace=grace, let_go=let_go)
        with started as process:
            try:
                if feeder is not None:
                    feeder.start(process)
                out, err = process.communicate(stdin if isinstance(stdin, bytes) else None, timeout)
            except subprocess.TimeoutExpired as error:
                problem = f"{shown(argv)} did not end within {timeout:g} seconds"
                raise CommandFailed(problem, "try it by hand") from error
            if feeder is not None:
                feeder.finish()
        if outlives:
            out, err = (_read(file) for file in said)
    if check and process.returncode:
        raise failure(argv, process.returncode, err or out)
    return Completed(process.returncode, out, err)


def follow(
    argv: Sequence[str],
    on_line: Callable[[bytes], None],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    grace: float = GRACE,
    inherit: Sequence[int] = (),
) -> int:
    """Run a program, give each line it writes (both streams) to `on_line` as it comes, keep all in `log`.

    The answer is its exit code. `inherit` are descriptors that it gets too, such as that of a lock.
    When the caller is interrupted, or `on_line` raises, the program and all its children get
    SIGTERM, and SIGKILL if they are there still after `grace` seconds.
    """
    with contextlib.ExitStack() as stack:
        record = stack.enter_context(_log(log)) if log else None
        process = stack.enter_context(
            _started(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                grace=grace,
                inherit=inherit,
            )
        )
        for line in cast(IO[bytes], process.stdout):
            if record:
                record(os.fsencode(without_secrets(os.fsdecode(line))))
            on_line(line)
        return process.wait()


def interactive(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run a program on the caller's own terminal; the answer is its exit code.

    Ctrl-C is the program's own affair: the terminal sends it to both, and we wait on. The default
    environment is `environment()` and what tells programs about the terminal.
    """
    terminal = {name: os.environ[name] for name in ("TERM", "COLORTERM") if name in os.environ}
    with _interrupts_left_to_the_program():
        try:
            process = subprocess.Popen(list(argv), env=dict(environment(terminal) if env is None else env), cwd=cwd)
        except (OSError, ValueError) as error:
            raise _not_started(argv, error, cwd) from error
        with process:
            return process.wait()


def shown(argv: Sequence[str]) -> str:
    """The command as one would paste it into a shell."""
    return shlex.join(argv)


def failure(argv: Sequence[str], returncode: int, output: bytes) -> CommandFailed:
    """The error for a program that ended badly, with the last lines that it wrote."""
    how = f"was ended by signal {-returncode}" if returncode < 0 else f"failed with exit code {returncode}"
    tail = "\n".join("  " + line for line in output.decode("utf-8", "replace").strip().splitlines()[-_SHOWN_LINES:])
    return CommandFailed(
        f"{shown(argv)} {how}" + (f":\n{tail}" if tail else ""), "run that command by hand to see more"
    )


@contextlib.contextmanager
def _log(path: Path) -> Iterator[Callable[[bytes], object]]:
    # Unbuffered, so that all is there when we are killed, which is when it is read.
    with disk.explained(path):
        file = open(path, "ab", buffering=0)

    def write(line: bytes) -> None:
        with disk.explained(path):
            file.write(line)

    with file:
        yield write


@contextlib.contextmanager
def _interrupts_left_to_the_program() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    # A handler of our own and not SIG_IGN: that one would be inherited by the program.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _said() -> BinaryIO:
    """A file in memory for what a program says: memfd_create(2)."""
    return open(os.memfd_create("said"), "r+b", buffering=0)


def _read(said: BinaryIO) -> bytes:
    said.seek(0)
    return said.read()


@contextlib.contextmanager
def _started(
    argv: Sequence[str],
    *,
    stdin: int,
    stdout: int,
    stderr: int,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    grace: float,
    inherit: Sequence[int] = (),
    let_go: Callable[[subprocess.Popen[bytes]], None] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs; whatever is raised meanwhile ends it, after `let_go`."""
    with Hold() as hold:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=dict(environment() if env is None else env),
                cwd=cwd,
                start_new_session=True,
                pass_fds=tuple(inherit),
            )
        except (OSError, ValueError) as error:
            raise _not_started(argv, error, cwd) from error
        with process:
            try:
                hold.release()
                yield process
            except BaseException:
                try:
                    if let_go is not None:
                        let_go(process)
                finally:
                    session.end(process, grace)
                raise


def _not_started(argv: Sequence[str], error: OSError | ValueError, cwd: Path | None) -> CommandFailed:
    if isinstance(error, ValueError):  # such as a NUL, which an image may have in any of its values
        return CommandFailed(f"cannot run {shown(argv)}: {error}", "no program can be told that: write another value")
    if cwd is not None and not cwd.is_dir():
        return CommandFailed(f"cannot run {shown(argv)} in {cwd}: there is no such folder", "see whether it was made")
    hint = os_refusal.THREADS if error.errno == errno.EAGAIN else os_refusal.hint(error)
    return CommandFailed(f"cannot run {shown(argv)}: {error.strerror}", hint or "see whether it is installed")

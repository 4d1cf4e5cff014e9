"""A container that runs and can be asked things: to run further commands, to connect to its ports, to stop."""

import os
import shlex
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from signal import SIGKILL

from msgspec import Struct

from fromscratch.errors import CannotStart, ImageError, UsageError
from fromscratch.formats.glibc.passwd import Identity, identity
from fromscratch.host.container import beside, connection, lifetime
from fromscratch.host.container.capture import Exchange, Tail, discard, drain
from fromscratch.host.container.launching import Command, check_words, launch
from fromscratch.host.container.lifetime import Network, WrittenRoot
from fromscratch.host.container.preparation import Invocation, command_of, environment
from fromscratch.host.container.signals import number_of
from fromscratch.host.container.spec import Program
from fromscratch.host.container.watch import Watch
from fromscratch.host.process import run

TIMED_OUT = 124
_STOP_SIGNAL = "SIGTERM"
_GRACE = 10  # seconds, as docker and podman
_DEATH = 5.0  # seconds for a killed command to be gone
_LINGER = 0.3  # seconds for what a command has left running to close its output


class Outcome(Struct, frozen=True):
    """How a command ended: the exit code of a shell (128 + N for signal N), and the end of what it wrote (1 MiB)."""

    code: int
    stdout: bytes = b""
    stderr: bytes = b""


@contextmanager
def running(
    invocation: Invocation,
    watch: Watch | None = None,
    network: Network = "private",
    *,
    start: bool = True,
    root: WrittenRoot | None = None,
) -> Iterator["RunningContainer"]:
    """A container of an image, with its command running in it unless `start` is False; ended at the end of the block.

    `root` is the same tree where `written_root` has written it: that saves writing it for each of several containers.
    It is confined as by `run_in_private_root`, and lives until the end of the block even if its command ends before.
    Raises as that does.
    """
    if start:
        command_of(invocation.config, invocation.argv)  # raises before anything is written
    with ExitStack() as stack:
        inside = stack.enter_context(lifetime.namespaces(invocation, network, root))
        container = RunningContainer(invocation, inside, watch)
        if watch is not None:
            watch.before_start(container.init_pid)
        try:
            if start:
                container.start()
            yield container
        finally:
            stack.close()
            container.wait(_DEATH)  # how it ended, and the last of its output, can be asked for after the block


class RunningContainer:
    """Made by `running`. Several threads may ask it things."""

    def __init__(self, invocation: Invocation, inside: lifetime.Inside, watch: Watch | None) -> None:
        self._invocation, self._control, self._watch = invocation, inside.control, watch
        self._who, self._users, self._mapping = inside.who, inside.users, inside.mapping
        self._command: Command | None = None
        self._output = Tail()
        self._reader: threading.Thread | None = None

    @property
    def init_pid(self) -> int:
        """Process 1, as this machine numbers it."""
        return self._control.pid

    def start(self, argv: Sequence[str] | None = None) -> None:
        """Start the image's own command (`argv` in place of its Cmd). Raises ImageError, such as CannotStart."""
        if self._command is not None:
            raise UsageError("the command of this container has been started already", "start another container")
        words = command_of(self._invocation.config, self._invocation.argv if argv is None else argv)
        read_end, write_end = os.pipe()
        try:
            with open(os.devnull, "rb") as null:
                self._command = self._launch(self._program(words), (null.fileno(), write_end, write_end))
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self._reader = threading.Thread(target=drain, args=(read_end, self._output), daemon=True)
        self._reader.start()

    def command(self) -> Outcome | None:
        """How the image's own command ended; None while it runs, or before it is started."""
        return self.wait(0)

    def wait(self, timeout: float) -> Outcome | None:
        """Wait so many seconds for the end of the image's own command; None if it runs then."""
        if self._command is None or self._reader is None:
            return None
        code = self._command.wait(timeout)
        if code is None:
            return None
        self._reader.join(_LINGER)
        return Outcome(code, self.output())

    def output(self) -> bytes:
        """The end of what the image's own command has written so far, to either stream."""
        return self._output.content()

    def exec(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: str | None = None,
        stdin: bytes = b"",
        timeout: float = 60,
    ) -> Outcome:
        """Run another command to its end: `env` on top of the image's variables, `user` by the files of the image.

        A command that cannot be started has code 127 or 126; one that takes too long is killed and has code 124. The
        last line of `stderr` says so. What it leaves running goes on. Raises ImageError for anything else.
        """
        deadline = time.monotonic() + timeout
        program = self._program(argv, env, user, cwd)
        pipes = [os.pipe() for _ in range(3)]
        (theirs_in, ours_in), (ours_out, theirs_out), (ours_err, theirs_err) = pipes
        try:
            command = self._launch(program, (theirs_in, theirs_out, theirs_err))
        except BaseException as failure:
            for handle in (ours_in, ours_out, ours_err):
                os.close(handle)
            if isinstance(failure, CannotStart):
                return Outcome(failure.exit_code, b"", f"{failure.message}\n".encode())
            raise
        finally:
            for handle in (theirs_in, theirs_out, theirs_err):
                os.close(handle)
        exchange = Exchange(stdin, ours_in, (ours_out, ours_err), command.ends)
        code = _followed(exchange, command, deadline)
        written = [exchange.written[handle].content() for handle in (ours_out, ours_err)]
        if code is None:
            return Outcome(TIMED_OUT, written[0], written[1] + _too_slow(argv, timeout))
        return Outcome(code, *written)

    def connect(self, host: str, port: int, timeout: float = 10) -> socket.socket:
        """A TCP connection to a port of the container: `host` is localhost or an IP address.

        Raises OSError as a socket does, such as ConnectionRefusedError; ImageError if the container has ended.
        """
        return connection.connect(self._control, host, port, timeout)

    def outside(self, argv: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 60) -> Outcome:
        """Run a program of this machine, with its files and its processes, in the container's network.

        `env` is added to a small clean environment. Codes are as for `exec`.
        """
        kinds = ["net"] if self._users == "" else ["user", "net"]
        handles = []
        try:
            for kind in kinds:
                with self._control.ask({"do": "namespace", "kind": kind}) as answers:
                    handles.append(answers.only()["handle"])
            ended = beside.run_in(handles, argv, run.environment(env), timeout)
        finally:
            for handle in handles:
                os.close(handle)
        if ended.code is None:
            return Outcome(TIMED_OUT, ended.stdout, ended.stderr + _too_slow(argv, timeout))
        return Outcome(ended.code, ended.stdout, ended.stderr)

    def stop(self, signal: str = "", grace: float | None = None) -> Outcome:
        """Stop the container as an engine does: a signal, then SIGKILL after `grace` seconds; both as the image says.

        After it no process of the container is there but its process 1.
        """
        config = self._invocation.config
        number = number_of(signal or config.stop_signal or _STOP_SIGNAL)
        if self._command is not None and self._command.wait(0) is None:
            self._command.signal(number)
            self._command.wait(_grace(config.stop_timeout) if grace is None else grace)
        with self._control.ask({"do": "end"}) as answers:
            answers.only()
        return self.wait(_DEATH) or Outcome(0)

    def _program(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: str | None = None,
    ) -> Program:
        config = self._invocation.config
        who = self._who if user is None else self._other(user)
        variables = {**environment(config, who, terminal=False), **(env or {})}
        check_words(argv, variables)
        return Program(list(argv), variables, config.working_dir if cwd is None else cwd, who)

    def _other(self, user: str) -> Identity:
        who = identity(self._invocation.tree, user)
        known = self._mapping
        if self._users == "own" and (who.uid, who.gid) != (self._who.uid, self._who.gid):
            raise ImageError(
                f"cannot run a command as {user!r} here: an ordinary user's container has one user, {self._who.uid}",
                "run this as root, or install newuidmap and give this user a range in /etc/subuid and /etc/subgid",
            )
        if self._users == "range" and known is not None and not known.covers(who.uid, who.gid):
            raise ImageError(
                f"cannot run a command as {user!r} here: {who.uid}:{who.gid} is beyond the range of /etc/subuid",
                "run this as root, or give this user a larger range in /etc/subuid and /etc/subgid",
            )
        return who

    def _launch(self, program: Program, streams: tuple[int, int, int]) -> Command:
        return launch(self._control, self._watch, program, streams, self._invocation.platform)


def _followed(exchange: Exchange, command: Command, deadline: float) -> int | None:
    """The exit code of a command; None for one that had to be killed with its process group."""
    try:
        in_time = exchange.follow(deadline)
        if not in_time:
            command.signal(SIGKILL, group=True)
            exchange.follow(time.monotonic() + _DEATH)
        return command.wait(0) if in_time else None
    finally:
        discard(exchange.close())
        command.close()


def _too_slow(argv: Sequence[str], timeout: float) -> bytes:
    return f"{shlex.join(argv)} did not end within {timeout:g} seconds\n".encode()


def _grace(of_image: int | None) -> float:
    return _GRACE if of_image is None or of_image < 0 else of_image

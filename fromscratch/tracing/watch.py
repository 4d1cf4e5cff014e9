"""What a running container is given so that it is recorded: `host.container.watch.Watch`."""

import os
import shlex
from contextlib import suppress
from types import TracebackType

from fromscratch.paths import decode
from fromscratch.tracing import fanotify
from fromscratch.tracing.callers import Root
from fromscratch.tracing.fanotify import Fanotify
from fromscratch.tracing.notification import Supervisor
from fromscratch.tracing.notification_filter import filter_program
from fromscratch.tracing.observer import Observer
from fromscratch.tracing.recording import Recording

_DEEPEST = 64


class ContainerWatch:
    """Records containers, one after the other, each of whose different commands is a run of its own.

    The block of `with` must end after the containers: calls that nobody answers any more fail.
    """

    def __init__(self, recording: Recording, architecture: str, *, net: bool) -> None:
        """With `net`, fanotify is the safety net where a container has a filesystem of its own."""
        self.recording, self._net = recording, net
        self._filter = filter_program(architecture)
        self._supervisor = Supervisor(recording, architecture)
        self._observers: list[Observer] = []
        self._nets: list[Fanotify] = []
        self._runs: dict[str, int] = {}

    def __enter__(self) -> "ContainerWatch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._supervisor.close()
        for net in self._nets:
            net.close()
        for observer in self._observers:
            observer.close()
            self.recording.note_elsewhere(len(observer.elsewhere))

    @property
    def filter(self) -> bytes:
        return self._filter

    def before_start(self, init_pid: int) -> None:
        root = Root(init_pid)
        self._observers.append(Observer(self.recording, root))
        if self._net and fanotify.is_of_its_own(root.fd):
            self._nets.append(Fanotify(self.recording, root.fd, self._run_of))

    def listener(self, fd: int, label: str) -> None:
        run = self._runs.get(label)  # a command that is tried again adds to its run
        if run is None:
            run = self._runs[label] = self.recording.begin([decode(os.fsencode(word)) for word in shlex.split(label)])
        self._supervisor.listen(fd, run, self._observer)

    def _observer(self, pid: int) -> Observer:
        """That of the container in which a process is."""
        inside = (each for each in reversed(self._observers) if each.sees(pid))
        return next(inside, self._observers[-1])

    def _run_of(self, pid: int) -> int:
        """The run that a process belongs to, by the first process of each; the first run for what is not known."""
        starters: dict[int, int] = {}
        for observer in self._observers:
            starters |= dict(observer.starters)
        with suppress(OSError, ValueError):
            for _ in range(_DEEPEST):
                if pid in starters:
                    return starters[pid]
                with open(f"/proc/{pid}/stat", "rb") as file:
                    pid = int(file.read().rpartition(b")")[2].split()[1])
        return 1

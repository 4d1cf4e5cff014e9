"""Recording a container that runs already, found by the name that its engine has for it."""

from contextlib import suppress
from pathlib import Path

from fromscratch.errors import ImageError, UsageError
from fromscratch.host.container import runtime
from fromscratch.images import catalogue
from fromscratch.images.engine_choice import engine
from fromscratch.model.image import Platform
from fromscratch.progress import Progress
from fromscratch.tracing import attached
from fromscratch.tracing.recording import Recorded, Recording
from fromscratch.tracing.waiting import until_stopped

_BY_PROCESS = "pid:"


def record_container(name: str, progress: Progress) -> Recorded:
    """Record a running container until an interruption, or until it ends. Raises ImageError."""
    pid = container_pid(name)
    recording = Recording(attached.NAME, str(Platform.of_this_machine()))
    run = recording.begin(_words(pid))
    with attached.attached(recording, pid, run):
        progress.note(
            f"recording {name} by fanotify and by what its processes have open now; what was read and closed before is"
            " lost, so use it all, or record its image from the start"
        )
        notice = "use it now; Ctrl-C ends the recording, not the container"
        until_stopped(lambda: Path(f"/proc/{pid}").exists(), recording, progress, notice)
    return recording.finished()


def container_pid(name: str) -> int:
    """Process 1 of a running container, by its name or ID in an engine or runtime, or pid:NUMBER. Raises UsageError."""
    if name.startswith(_BY_PROCESS):
        number = name.removeprefix(_BY_PROCESS)
        if number.isdecimal() and Path("/proc", number).exists():
            return int(number)
        raise UsageError(f"{name}: there is no such process", "give the number of a process of the container")
    tried = []
    for kind in catalogue.engines():
        with suppress(ImageError):
            if pid := engine(kind).container_pid(name):
                return pid
            tried.append(kind)
    if pid := runtime.container_pid(name):
        return pid
    raise UsageError(
        f"no running container is called {name}: asked were {', '.join((*tried, *runtime.RUNTIMES))}",
        "start it, or give one of its processes as pid:NUMBER",
    )


def _words(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")[:-1]
    return []

"""Containers that run already: what they open from now on is seen, and what they have open."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fromscratch.cli.main import main
from fromscratch.errors import UsageError
from fromscratch.flow.attachment import container_pid
from fromscratch.formats.trace import text
from fromscratch.tracing import fanotify
from fromscratch.tracing.attached import attached
from fromscratch.tracing.callers import Root
from fromscratch.tracing.fanotify import Fanotify
from fromscratch.tracing.recording import Recorded, Recording
from tests.engines import missing, need, need_root

pytestmark = pytest.mark.slow


class Container:
    """A shell in a root on a tmpfs of its own, that runs the lines which it is given."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def do(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}; echo done\n".encode())
        self._process.stdin.flush()
        while self._process.stdout.readline() != b"done\n":
            pass


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    need_root("watching a filesystem")
    if refusal := fanotify.refusal():
        missing(refusal)
    root, busybox = tmp_path / "root", need("busybox")
    root.mkdir()
    folders = f"mkdir bin dev etc www many; touch dev/null; cp {busybox} bin/busybox"
    files = f"{folders}; echo x >etc/read; echo x >etc/held; echo x >www/index"
    links = (
        "ln -s busybox bin/sh; ln etc/read etc/twin; ln -s www web; echo '#!/bin/sh' >bin/script; chmod +x bin/script"
    )
    begin = f"mount -t tmpfs x {root} && cd {root} && {{ {files}; {links}; }} && exec chroot . /bin/sh"
    words = ["unshare", "-m", "sh", "-c", begin]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        made = Container(process)
        made.do("exec 7</etc/held; cd /www")
        yield made
        process.kill()


def recorded(container: Container, use: Callable[[], None]) -> Recorded:
    recording = Recording("fanotify", "linux/amd64")
    with attached(recording, container.pid, recording.begin(["sh"])):
        use()
    return recording.finished()


def uses(found: Recorded) -> set[tuple[str, str]]:
    return {(event.kind, event.path) for event in found.trace.events}


def test_what_is_open_already_and_what_is_opened_then(container: Container) -> None:
    found = uses(recorded(container, lambda: container.do("busybox cat /etc/read /web/index >/dev/null; /bin/script")))
    assert {("exec", "/bin/busybox"), ("open", "/etc/held"), ("stat", "/www")} <= found
    assert {("open", "/etc/read"), ("open", "/www/index"), ("exec", "/bin/script")} <= found
    assert not [path for _, path in found if "twin" in path]


def test_a_file_that_is_made_meanwhile_is_not_of_the_image(container: Container) -> None:
    found = recorded(container, lambda: container.do("echo x >/etc/new; busybox cat /etc/new >/dev/null"))
    assert "/etc/new" not in {path for _, path in uses(found)}


def test_a_file_is_recorded_once_however_often_it_is_opened(container: Container) -> None:
    often = "for i in 1 2 3 4 5 6 7 8 9; do busybox cat /etc/read >/dev/null; done"
    found = recorded(container, lambda: container.do(often))
    assert len([event for event in found.trace.events if event.path == "/etc/read"]) == 1


def test_a_full_queue_is_a_loss_that_is_told(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = fanotify._INIT_FLAGS & ~0x10
    monkeypatch.setattr(fanotify, "_INIT_FLAGS", limited)
    full, follow = threading.Event(), Fanotify._follow

    def follow_when_full(self: Fanotify) -> None:
        full.wait()
        follow(self)

    monkeypatch.setattr(Fanotify, "_follow", follow_when_full)
    most = int(Path("/proc/sys/fs/fanotify/max_queued_events").read_text())

    def use() -> None:
        container.do(f"i=0; while [ $i -le {most} ]; do : >/many/$i; i=$((i+1)); done")
        full.set()

    assert fanotify.FULL in recorded(container, use).lost


def test_the_machines_own_root_is_never_watched(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    need_root("watching a filesystem")
    root = Root(os.getpid())
    try:
        assert not fanotify.is_of_its_own(root.fd)
    finally:
        root.close()
    assert main(["trace", "--output", str(tmp_path / "t"), "--container", f"pid:{os.getpid()}"]) == 2
    said = capsys.readouterr().err
    assert "the root of this container is not a filesystem of its own, and this machine's is never watched" in said
    assert "--image IMAGE" in said


def test_a_container_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no running container is called no-such-container: asked were"):
        container_pid("no-such-container")
    with pytest.raises(UsageError, match="there is no such process"):
        container_pid("pid:999999999")


def test_recording_ends_with_an_interruption_and_the_container_goes_on(container: Container, tmp_path: Path) -> None:
    place = tmp_path / "t"
    words = [
        sys.executable,
        "-m",
        "fromscratch",
        "trace",
        "--output",
        str(place),
        "--container",
        f"pid:{container.pid}",
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as recorder:
        assert recorder.stderr is not None
        while "use it now" not in recorder.stderr.readline():
            pass
        container.do("busybox cat /etc/read >/dev/null")
        time.sleep(0.1)
        recorder.send_signal(signal.SIGINT)
        assert recorder.wait(30) == 0
    assert ("open", "/etc/read") in {(event.kind, event.path) for event in text.read(place.read_bytes()).events}
    container.do("true")

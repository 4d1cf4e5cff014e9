"""How much of what a program uses each recorder finds: a probe with one entry for each kind of access."""

import base64
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fromscratch.formats.trace import text
from fromscratch.formats.trace.strace import parse
from fromscratch.host.process import run
from fromscratch.model.image import RunConfig
from fromscratch.tracing.choice import RECORDERS
from tests.engines import missing, need
from tests.host.container.callers import Caller
from tests.tracing.probes import Probe

LEAST = 67 / 71
# Of these the kernel sees no path that leads to them: only fanotify, which tells of files and not of paths, does.
WITHOUT_A_PATH = {"open_by_handle_at", "bind_mount"}
STRACE = (
    "-f -qq -y -xx -s 0 -e signal=none -e verbose=bind,connect,sendto,openat2 -e status=successful,failed,unavailable"
    " -e trace=%file,fchdir,clone,clone3,fork,vfork,bind,connect,sendto,io_uring_setup"
    " -e inject=io_uring_setup:error=ENOSYS"
)


@pytest.fixture
def probe() -> Iterator[Probe]:
    """Outside pytest's own folder, which other users may not look into: an entry runs as one."""
    with tempfile.TemporaryDirectory(prefix="probe-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Probe(Path(folder))


def check(probe: Probe, output: str, missed: dict[str, list[str]]) -> None:
    done = probe.done(output)
    failed = [line for line in output.splitlines() if "\tfailed" in line]
    print(f"{len(done) - len(missed)} of {len(done)} kinds of access found, of {len(probe.names)}; missed: {missed}")
    assert not failed
    assert len(done) >= 70
    assert len(done) - len(missed) >= LEAST * len(done)


@pytest.mark.slow
def test_a_log_of_strace(probe: Probe, tmp_path: Path) -> None:
    log = tmp_path / "log"
    output = run.run([need("strace"), *STRACE.split(), "-o", str(log), *probe.command()]).stdout.decode()
    missed = probe.missed(output, parse(log.read_bytes().split(b"\n")))
    check(probe, output, missed)
    assert set(missed) <= WITHOUT_A_PATH


@pytest.mark.slow
@pytest.mark.parametrize("recorder", [each.name for each in RECORDERS if "command" in each.targets])
def test_a_command_on_this_machine(probe: Probe, recorder: str, tmp_path: Path) -> None:
    (own,) = (each for each in RECORDERS if each.name == recorder)
    if refusal := own.refusal():
        missing(refusal)
    place = tmp_path / "the.trace"
    words = ["trace", "--quiet", "--recorder", recorder, "--output", str(place), "--", *probe.command()]
    output = subprocess.run([sys.executable, "-m", "fromscratch", *words], capture_output=True, text=True, check=True)
    check(probe, output.stdout, probe.missed(output.stdout, text.read(place.read_bytes()).events))


IN_A_CONTAINER = """
import base64
from fromscratch.formats.trace import text
from fromscratch.tracing.choice import choose
from fromscratch.tracing.recording import Recording
recorder = choose(None, "image").recorder
recording = Recording(recorder.name, "")
with recorder.watch(recording) as watch, running(invocation, watch, start=False) as container:
    done = container.exec({command!r})
found = recording.finished()
print(recorder.name, found.lost or "nothing lost")
print(base64.b64encode(done.stdout).decode())
print(base64.b64encode(text.write(found.trace)).decode())
"""


@pytest.mark.slow
def test_a_container(probe: Probe, caller: Caller) -> None:
    """The default recorder of images: with fanotify for root, without it for an ordinary user."""
    names = [name for name in probe.names if name not in ("connect", "sendto")]  # an image has no sockets
    script = IN_A_CONTAINER.format(command=probe.command(*names))
    config = RunConfig(env={"PATH": "/bin:/usr/bin"})
    recorder, output, trace = caller.ask(probe.tree(), script, config=config)
    printed = base64.b64decode(output).decode()
    missed = probe.missed(printed, text.read(base64.b64decode(trace)).events)
    print(recorder)
    check(probe, printed, missed)
    assert recorder.endswith("nothing lost")
    if recorder.startswith("notification+fanotify"):
        assert missed == {}

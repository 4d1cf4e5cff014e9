"""How much of what a program uses each recorder finds: a probe with one entry for each kind of access."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fromscratch.formats.trace.strace import parse
from fromscratch.host.process import run
from tests.engines import need
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
    folder = Path(tempfile.mkdtemp(prefix="probe-", dir="/tmp"))
    folder.chmod(0o755)
    yield Probe(folder)
    shutil.rmtree(folder)


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

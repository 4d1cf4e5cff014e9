"""Real engines and readers for tests. Each is started for the session and stopped by its own process ID.

A test that needs one that is not there is skipped, naming it; FROMSCRATCH_REQUIRE_ENGINES=1 makes that a failure.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from fromscratch.host import run
from fromscratch.host.engine import Engine, engine, status

REQUIRED = "FROMSCRATCH_REQUIRE_ENGINES"
_PATIENCE = 60.0
# Where CAP_SYS_RESOURCE is missing, limits can only be lowered, and crun cannot do without.
_PODMAN_RUN = ("--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where everything has to be there."""
    if os.environ.get(REQUIRED, "") not in ("", "0"):
        pytest.fail(f"{what}, and {REQUIRED} is set")
    pytest.skip(what)


def spare(program: str) -> str:
    """The path of a program that a test uses where it is, and that is too large to install for that test alone."""
    found = run.find(program)
    if found is None:
        pytest.skip(f"{program} is not on this machine")
    return found


def need(program: str) -> str:
    """The path of a program that the test uses."""
    found = run.find(program)
    if found is None:
        missing(f"{program} is not on this machine")
    return found


def need_root(why: str) -> None:
    if os.geteuid() != 0:
        missing(f"{why} needs root")


def docker_daemon(folder: Path) -> Iterator[Engine]:
    """A dockerd of its own below `folder`, if we are root; else the one that answers anyway."""
    need("docker")
    if os.geteuid() != 0 or run.find("dockerd") is None:
        there = status(engine("docker"))
        if not there.available:
            missing(there.problem)
        yield there.engine
        return
    address = f"unix://{folder}/docker.sock"
    argv = [need("dockerd"), "--iptables=false", "--bridge=none", f"--data-root={folder}/data", f"--host={address}"]
    argv += [f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid", "--log-level=warn"]
    log = folder / "dockerd.log"
    with open(log, "wb") as out, subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True) as daemon:
        try:
            ours = Engine(kind="docker", program=("docker", "-H", address), run_flags=("--network=none",))
            _wait_for(ours, daemon, log)
            yield ours
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(_PATIENCE)


def _wait_for(ours: Engine, daemon: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not status(ours).available:
        if daemon.poll() is not None or time.monotonic() > end:
            missing("dockerd does not start here: " + log.read_text()[-300:])
        time.sleep(0.1)


def podman_engine(folder: Path) -> Engine:
    """A podman with its own storage below `folder`."""
    need("podman")
    flags = [f"--root={folder}/root", f"--runroot={folder}/run", "--storage-driver=vfs"]
    if run.find("runc"):
        flags.append("--runtime=runc")
    ours = Engine(kind="podman", program=("podman", *flags), run_flags=_PODMAN_RUN)
    there = status(ours)
    if not there.available:
        missing(there.problem)
    return ours


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from docker_daemon(tmp_path_factory.mktemp("docker"))


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return podman_engine(tmp_path_factory.mktemp("podman"))

"""Real engines and readers for tests. Each is started for the session and stopped by its own process ID.

A test that needs one that is not there is skipped, naming it; FROMSCRATCH_REQUIRE_ENGINES=1 makes that a failure,
unless its Debian package is among those that FROMSCRATCH_ABSENT lists: this release of Debian does not have them.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from fromscratch.host.engines.buildah import Buildah
from fromscratch.host.engines.containerd import Containerd
from fromscratch.host.engines.contract import Engine
from fromscratch.host.engines.docker import Docker
from fromscratch.host.engines.podman import Podman
from fromscratch.host.process import run

REQUIRED = "FROMSCRATCH_REQUIRE_ENGINES"
ABSENT = "FROMSCRATCH_ABSENT"
_PATIENCE = 60.0
# Where CAP_SYS_RESOURCE is missing, limits can only be lowered, and crun cannot do without.
_PODMAN_RUN = ("--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")


# Which Debian package has a program that is called otherwise.
_PACKAGES = {
    "actool": "appc-spec",
    "db5.3_load": "db5.3-util",
    "ctr-remote": "stargz-snapshotter",
    "containerd-stargz-grpc": "stargz-snapshotter",
    "docker": "docker.io",
    "dockerd": "docker.io",
    "busybox": "busybox-static",
    "bsdtar": "libarchive-tools",
    "htpasswd": "apache2-utils",
    "go": "golang-go",
    "musl-gcc": "musl-tools",
}


def missing(what: str, package: str = "") -> NoReturn:
    """Skip the test, or fail it where everything has to be there that this release of Debian has."""
    if package and package in _absent():
        pytest.skip(f"{what}: this release of Debian has no {package}", allow_module_level=True)
    if os.environ.get(REQUIRED, "") not in ("", "0"):
        pytest.fail(f"{what}, and {REQUIRED} is set")
    pytest.skip(what, allow_module_level=True)  # a tree of programs may be made once for a module


def _absent() -> list[str]:
    """The packages that scripts/install-engines looked for in vain."""
    path = Path(os.environ.get(ABSENT) or os.devnull)
    return path.read_text().split() if path.exists() else []


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
        missing(f"{program} is not on this machine", _PACKAGES.get(program, program))
    return found


def need_root(why: str) -> None:
    if os.geteuid() != 0:
        missing(f"{why} needs root")


def docker_daemon(folder: Path) -> Generator[Docker, None, None]:
    """A dockerd of its own below `folder`, if we are root; else the one that answers anyway."""
    need("docker")
    if os.geteuid() != 0 or run.find("dockerd") is None:
        there = Docker().status()
        if not there.available:
            missing(there.problem)
        yield Docker()
        return
    address = f"unix://{folder}/docker.sock"
    argv = [need("dockerd"), "--iptables=false", "--bridge=none", f"--data-root={folder}/data", f"--host={address}"]
    argv += [f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid", "--log-level=warn"]
    # Over TLS too, where only docker's own client gets.
    over_tls = f"tcp://127.0.0.1:{_free_port()}"
    (folder / "tls-address").write_text(over_tls)
    argv += [f"--host={over_tls}", "--tlsverify", *_certificates(folder)]
    log = folder / "dockerd.log"
    with open(log, "wb") as out, subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True) as daemon:
        try:
            ours = Docker(address=address, program=("docker", "-H", address), run_flags=("--network=none",))
            _wait_for(ours, daemon, log)
            yield ours
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(_PATIENCE)
            # It mounts this folder onto itself. Docker 20.10 undoes that at its end, and docker 26 does not.
            subprocess.run(["umount", "--quiet", f"{folder}/data"], check=False, capture_output=True)


def docker_over_tls(daemon: Docker) -> Docker:
    """The same daemon of `docker_daemon`, as its client alone reaches it."""
    need("docker")
    folder = Path(daemon.address.removeprefix("unix://")).parent
    if not (folder / "tls-address").exists():
        missing("a docker daemon over TLS needs one of our own, and that needs root")
    address = (folder / "tls-address").read_text()
    return Docker(env={"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)})


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _certificates(folder: Path) -> list[str]:
    """One self-signed pair, that daemon and client both show and trust: docker's options for it."""
    openssl = need("openssl")
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    words += ["-addext", "basicConstraints=critical,CA:TRUE"]
    words += ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run([openssl, *words], check=True, capture_output=True)
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
    return [f"--tlscacert={folder}/ca.pem", f"--tlscert={folder}/cert.pem", f"--tlskey={folder}/key.pem"]


def _wait_for(ours: Engine, daemon: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not ours.status().available:
        if daemon.poll() is not None or time.monotonic() > end:
            missing(f"the daemon of {ours.kind} does not start here: {log.read_text()[-300:]}")
        time.sleep(0.1)


def podman_engine(folder: Path, running: Path) -> Podman:
    """A podman with its own storage below `folder`; it wants less than 50 characters for `running`."""
    need("podman")
    flags = [f"--root={folder}/root", f"--runroot={running}", "--storage-driver=vfs"]
    if run.find("runc"):
        flags.append("--runtime=runc")
    ours = Podman(program=("podman", *flags), run_flags=_PODMAN_RUN)
    there = ours.status()
    if not there.available:
        missing(there.problem)
    return ours


def variables(of: Engine, folder: Path) -> dict[str, str]:
    """What the environment says of an engine of ours, for a command that finds it by itself."""
    if isinstance(of, Docker):
        return {"DOCKER_HOST": of.address} if of.address else {}
    if isinstance(of, Podman | Buildah):
        flags = dict(flag.removeprefix("--").split("=", 1) for flag in of.program[1:])
        storage = folder / "storage.conf"
        places = f'graphroot = "{flags["root"]}"\nrunroot = "{flags["runroot"]}"\n'
        storage.write_text(f'[storage]\ndriver = "vfs"\n{places}')
        return {"CONTAINERS_STORAGE_CONF": str(storage), **of.env}
    return dict(of.env)


def buildah_engine(folder: Path) -> Buildah:
    """A buildah with its own storage below `folder`."""
    need("buildah")
    ours = Buildah(
        program=("buildah", f"--root={folder}/root", f"--runroot={folder}/run", "--storage-driver=vfs"),
        env={"BUILDAH_ISOLATION": "chroot"},
    )
    there = ours.status()
    if not there.available:
        missing(there.problem)
    return ours


def containerd_daemon(folder: Path) -> Iterator[Containerd]:
    """A containerd of its own below `folder`, with a namespace of its own."""
    need("ctr")
    need_root("containerd")
    address = f"{folder}/containerd.sock"
    config = folder / "config.toml"
    config.write_text(f"""\
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{address}"
[ttrpc]
address = "{address}.ttrpc"
""")
    log = folder / "containerd.log"
    argv = [need("containerd"), f"--config={config}", "--log-level=warn"]
    with open(log, "wb") as out, subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True) as daemon:
        try:
            ours = Containerd(env={"CONTAINERD_ADDRESS": address, "CONTAINERD_NAMESPACE": "fromscratch-test"})
            _wait_for(ours, daemon, log)
            yield ours
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(_PATIENCE)


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    yield from docker_daemon(tmp_path_factory.mktemp("docker"))


@pytest.fixture(scope="session")
def docker_by_client(docker: Docker) -> Docker:
    return docker_over_tls(docker)


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    with tempfile.TemporaryDirectory() as running:
        yield podman_engine(tmp_path_factory.mktemp("podman"), Path(running))


@pytest.fixture(scope="session")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Buildah:
    return buildah_engine(tmp_path_factory.mktemp("buildah"))


@pytest.fixture(scope="session")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containerd]:
    yield from containerd_daemon(tmp_path_factory.mktemp("containerd"))

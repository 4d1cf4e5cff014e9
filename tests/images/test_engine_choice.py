"""Engines that are not there, or do not answer. Those that do are in test_engines."""

import socket
from pathlib import Path

import pytest

from fromscratch.errors import MissingTool, UsageError
from fromscratch.host.engines.contract import image_name
from fromscratch.host.engines.podman import Podman
from fromscratch.host.process import run
from fromscratch.images.engine_choice import engine

needs_docker = pytest.mark.skipif(run.find("docker") is None, reason="docker is not on this machine")


def test_an_engine_that_is_not_there_is_named() -> None:
    found = Podman(program=("no-such-podman",)).status()
    assert not found.available
    assert found.problem == "no-such-podman is not on this machine"
    assert "apt-get install podman" in found.hint
    with pytest.raises(MissingTool, match="no-such-podman"):
        found.need()


def test_a_name_that_is_no_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="'dokcer'") as caught:
        engine("dokcer")
    assert caught.value.hint == "write docker, podman, buildah or containerd"


@needs_docker
@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
def test_a_daemon_that_is_not_there_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    found = engine("docker").status()
    assert found.problem == f"docker is installed but its daemon does not answer at {address}"
    assert found.hint.startswith("start it (systemctl start docker)")


@needs_docker
def test_a_daemon_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))  # nobody listens
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
        assert "does not answer at unix://" in engine("docker").status().problem


@pytest.mark.parametrize("name", ["Hello", "a b", "hello@sha256:" + "0" * 64, "-x", ""])
def test_names_that_no_engine_takes_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        image_name(name)

"""Engines for the tests of transports."""

from tests.engines import buildah, containerd, docker, docker_by_client, podman

__all__ = ["buildah", "containerd", "docker", "docker_by_client", "podman"]

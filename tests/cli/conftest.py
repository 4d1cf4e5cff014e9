"""Engines for the tests of transports."""

from tests.engines import buildah, containerd, docker, podman

__all__ = ["buildah", "containerd", "docker", "podman"]

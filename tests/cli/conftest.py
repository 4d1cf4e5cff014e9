"""Engines for the tests of sinks."""

from tests.engines import docker, podman

__all__ = ["docker", "podman"]

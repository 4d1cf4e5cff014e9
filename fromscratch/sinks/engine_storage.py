"""What podman and buildah have in common: the storage, and how images are named in it."""

from dataclasses import replace

from fromscratch.model.reference import Reference


def in_storage(name: Reference) -> Reference:
    """A name without a host is one of localhost's there."""
    return name if name.host else replace(name, host="localhost")

"""Images written under the names that `images_by_name` reads them by."""

from collections.abc import Sequence
from pathlib import Path

from fromscratch.errors import UsageError
from fromscratch.flow import assembly
from fromscratch.host.machine.lookup import expanded
from fromscratch.host.storage.store import Store
from fromscratch.images.contract import Receipt, Sink
from fromscratch.model.image import Image
from fromscratch.progress import SILENT, Progress

_FILES = ("oci", "oci-archive", "docker-archive", "tar", "aci")
_REGISTRY = "docker://"


def deliver(images: Sequence[Image], name: str, store: Store, progress: Progress = SILENT) -> Receipt:
    """Write images, one for each platform, to where `name` leads: `oci-archive:hello.tar:1.0`, `docker://HOST/hello:1`.

    `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE:NAME`, `tar:FILE` and `aci:FILE:NAME` are files and
    folders, `docker:REF`, `podman:REF`, `buildah:REF` and `containerd:REF` engines, which keep the image's digest, and
    `docker://REF` is a registry. Raises UsageError for any other name, and for a place that takes one platform only.
    """
    if name.startswith(_REGISTRY):
        return assembly.deliver(images, _registry(store, progress), name.removeprefix(_REGISTRY))
    scheme, _, rest = name.partition(":")
    if rest and scheme in _FILES:
        path, called = _path_and_name(rest)
        return assembly.deliver(images, _file(scheme, path, store), _called(scheme, called))
    from fromscratch.host.engines.contract import KINDS

    if rest and scheme in KINDS:
        return assembly.deliver(images, _engine(scheme, store, progress), rest)
    words = ", ".join(f"{each}:" for each in (*_FILES, *KINDS))
    raise UsageError(f"{name!r} says not where images go", f"begin with one of {words} or {_REGISTRY}")


def _path_and_name(rest: str) -> tuple[Path, str]:
    """PATH or PATH:NAME: a path may hold colons where it exists already, else it ends at the first one."""
    parts = expanded(rest).split(":")
    for count in range(len(parts), 0, -1):
        path = ":".join(parts[:count])
        if path and Path(path).exists():
            return Path(path), ":".join(parts[count:])
    return Path(parts[0]), ":".join(parts[1:])


def _called(scheme: str, name: str) -> str:
    """The name as the sink of an archive takes it, where a tag alone stands behind a colon."""
    alone = scheme == "oci-archive" and name and "/" not in name and ":" not in name
    return f":{name}" if alone else name


def _file(scheme: str, path: Path, store: Store) -> Sink:
    from fromscratch.images.catalogue import file_sink

    return file_sink(scheme, path, store)


def _engine(kind: str, store: Store, progress: Progress) -> Sink:
    from fromscratch.host.engines.select import engine
    from fromscratch.images.catalogue import engine_sink

    return engine_sink(engine(kind), store, "load", progress)


def _registry(store: Store, progress: Progress) -> Sink:
    from fromscratch.images.registry import RegistrySink

    return RegistrySink(store=store, progress=progress)

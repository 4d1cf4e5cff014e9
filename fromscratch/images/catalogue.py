"""Every kind of sink by the word that the command line uses for it. A new sink is one line here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from fromscratch.errors import UsageError
from fromscratch.host.engines.select import Engine, Kind
from fromscratch.host.storage.store import Store
from fromscratch.images.aci import AciSink
from fromscratch.images.buildah import BuildahSink
from fromscratch.images.containerd import ContainerdSink
from fromscratch.images.contract import Sink
from fromscratch.images.docker import DockerSink
from fromscratch.images.docker_archive import DockerArchiveSink
from fromscratch.images.oci_archive import OciArchiveSink
from fromscratch.images.oci_layout import LayoutSink
from fromscratch.images.podman import PodmanSink
from fromscratch.images.tar import TarballSink
from fromscratch.progress import SILENT, Progress

_ENGINES: Mapping[Kind, Callable[..., Sink]] = MappingProxyType(
    {"docker": DockerSink, "podman": PodmanSink, "buildah": BuildahSink, "containerd": ContainerdSink}
)


def file_sink(form: str, path: Path, store: Store) -> Sink:
    """The sink that writes this form. Raises UsageError for a word that is none."""
    match form:
        case "tar":
            return TarballSink(path, store)
        case "oci":
            return LayoutSink(path, store.limits)
        case "oci-archive":
            return OciArchiveSink(path, store.limits)
        case "docker-archive":
            return DockerArchiveSink(path, store.limits)
        case "aci":
            return AciSink(path, store)
    raise UsageError(f"{form!r} is no form of an image", "say tar, oci, oci-archive, docker-archive or aci")


def engine_sink(engine: Engine, store: Store, via: str, progress: Progress = SILENT) -> Sink:
    """The sink of an engine. `via` is import or load."""
    sink = _ENGINES[engine.kind]
    return sink(engine=engine, store=store, via="load" if via == "load" else "import", progress=progress)

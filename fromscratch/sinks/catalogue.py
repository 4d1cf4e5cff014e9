"""Every kind of sink by the word that the command line uses for it. A new sink is one line here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from fromscratch.errors import UsageError
from fromscratch.host.engines.select import Engine, Kind
from fromscratch.host.storage.store import Store
from fromscratch.progress import SILENT, Progress
from fromscratch.sinks.aci import AciSink
from fromscratch.sinks.archive import DockerArchiveSink, OciArchiveSink
from fromscratch.sinks.contract import Sink
from fromscratch.sinks.engine_buildah import BuildahSink
from fromscratch.sinks.engine_containerd import ContainerdSink
from fromscratch.sinks.engine_docker import DockerSink
from fromscratch.sinks.engine_podman import PodmanSink
from fromscratch.sinks.layout import LayoutSink
from fromscratch.sinks.tarball import TarballSink

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

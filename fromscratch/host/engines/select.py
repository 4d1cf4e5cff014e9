"""The container engines of this machine, and the choice of one."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from fromscratch.advice import advice
from fromscratch.errors import MissingTool, UsageError
from fromscratch.host.engines.buildah import Buildah
from fromscratch.host.engines.containerd import Containerd
from fromscratch.host.engines.contract import KINDS, Engine, Kind, Status, image_name
from fromscratch.host.engines.docker import Docker
from fromscratch.host.engines.podman import Podman

__all__ = ["KINDS", "Engine", "Kind", "Status", "engine", "find_engine", "image_name", "status"]

_KNOWN: Mapping[str, Callable[[], Engine]] = MappingProxyType(
    {"docker": Docker, "podman": Podman, "buildah": Buildah, "containerd": Containerd}
)


_READS_LAYOUTS = "it reads what is packed for it: see pack, to the form oci or oci-archive"
_READS_ROOTS = "it starts a bare root: see pack, to the form tar, and unpack that"
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "nerdctl": "say containerd, whose images it shows",
        "ctr": "say containerd",
        "moby": "say docker",
        "lxc": f"{_READS_LAYOUTS}, then lxc-create -t oci",
        "lxd": _READS_ROOTS,
        "incus": _READS_ROOTS,
        "nspawn": _READS_ROOTS,
        "systemd-nspawn": _READS_ROOTS,
        "chroot": _READS_ROOTS,
        "apptainer": _READS_LAYOUTS,
        "singularity": _READS_LAYOUTS,
        "rkt": "it reads what is packed for it: see pack, to the form aci",
        "crictl": "say containerd",
        "cri-o": _READS_LAYOUTS,
        "crun": "it keeps no images; run can start one by it",
        "runc": "it keeps no images; run can start one by it",
    }
)


def engine(kind: str, choices: Sequence[str] = KINDS) -> Engine:
    """The engine of this name, installed or not.

    Raises UsageError for an unknown name, with the choices.
    """
    if kind not in _KNOWN:
        every = f"write {', '.join(choices[:-1])} or {choices[-1]}"
        raise UsageError(f"{kind!r} is not an engine that is known here", _INSTEAD.get(kind, every))
    return _KNOWN[kind]()


def status(of: Engine) -> Status:
    """Probe an engine. Never raises, and takes some seconds at most."""
    return of.status()


def find_engine(kind: str | None = None) -> Status:
    """The engine of this name, or the first that answers. Raises MissingTool with the reasons if none does."""
    if kind is not None:
        return engine(kind).status().need()
    probed = []
    for known in KINDS:
        found = engine(known).status()
        if found.available:
            return found
        probed.append(found)
    raise MissingTool(
        f"no container engine can be used: {'; '.join(one.problem for one in probed)}",
        advice(probed[0].hint, "; run needs none, nor does pack"),
    )
